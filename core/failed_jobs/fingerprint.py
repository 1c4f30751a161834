"""Which failures have one cause: the same kind of exception, saying the same, from the same function of ours."""

import hashlib
import re

_LONGEST = 500

# In this order: an address may hold uuids, hex and numbers, a uuid holds hex, hex holds numbers.
_VARIABLE = (
    (re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s'\"<>()\[\]]+", re.IGNORECASE), "<url>"),
    (re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.IGNORECASE), "<uuid>"),
    (re.compile(r"\b0x[0-9a-f]+\b", re.IGNORECASE), "<hex>"),
    # At least one digit among eight or more, or words such as "defaced" would count.
    (re.compile(r"\b(?=[a-f]*\d)[0-9a-f]{8,}\b", re.IGNORECASE), "<hex>"),
    # 12, 3.5, 1,024, and the number in "20ms".
    (re.compile(r"(?<![A-Za-z_<])\d+(?:[.,:]\d+)*"), "<n>"),
)


def fingerprint(exception: str, message: str, frame: str) -> str:
    """16 hex digits from the exception's name, its message without what varies, and the top frame of our code."""
    text = "\n".join((exception, normalised(message), frame))
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def normalised(message: str) -> str:
    """The message with addresses, uuids, hex and numbers replaced by what they are, and spaces single."""
    # The cut comes first: a message of megabytes must not cost seconds of regular expressions.
    text = message[: 4 * _LONGEST]
    for shape, name in _VARIABLE:
        text = shape.sub(name, text)
    return " ".join(text.split())[:_LONGEST]

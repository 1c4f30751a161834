"""What Postgres can store of what a job carries: a value that it refuses must not keep a failure off its record."""

import hashlib
import math
import re
from typing import Any

# Text of Postgres holds no NUL, and UTF-8 no half of a surrogate pair.
_REFUSED = re.compile("[\x00\ud800-\udfff]")
_LONGEST_TEXT = 100_000
# An entry of a btree index holds 2,704 bytes; a character takes up to four.
_LONGEST_KEY = 600


def storable_text(text: str) -> str:
    """The text with � for each character that Postgres refuses, cut at 100,000 characters."""
    return _REFUSED.sub("�", text[:_LONGEST_TEXT])


def storable_key(key: str) -> str:
    """The key, short enough for an index: a longer one ends in its hash."""
    if len(key) <= _LONGEST_KEY:
        return storable_text(key)
    digest = hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:32]
    return storable_text(f"{key[: _LONGEST_KEY - 40]}…{digest}")


def storable(value: Any) -> Any:
    """`value`, which came out of JSON and is not nested too deep (core.nesting), as jsonb accepts it: equal unless it
    holds what no jsonb can hold."""
    match value:
        case str():
            return storable_text(value)
        case float() if not math.isfinite(value):
            return str(value)
        case dict():
            return {storable_text(str(key)): storable(item) for key, item in value.items()}
        case _ if isinstance(value, list | tuple):
            return [storable(item) for item in value]
        case _:
            return value

"""Blacking out secrets: those that this process knows, what has a secret's name, and what has a secret's shape.

Logs, errors, and whatever is stored or shown of what a library or a server said, pass here.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, SecretStr

REDACTED = "[redacted]"

# A secret shorter than this would black out ordinary words; none that is worth guarding is so short.
_SHORTEST_SECRET = 6
_NAME = (
    r"(?:password|passwd|pwd|passphrase|secret|token|api[_-]?key|access[_-]?key|secret[_-]?key|private[_-]?key"
    r"|credentials?|authorization|cookie)"
)
_SECRET_NAMES = re.compile(_NAME, re.IGNORECASE)
_KEPT = rf"\g<keep>{REDACTED}"


@dataclass(frozen=True)
class _Shape:
    """What a secret looks like; it is looked for only where the lower-cased text has one of `signs`, which is quick.

    Each takes a time that grows with the length of the text and no faster: the text may be hostile.
    """

    signs: tuple[str, ...]
    pattern: re.Pattern[str]
    replacement: str = REDACTED


def _shape(pattern: str, *signs: str, replacement: str = REDACTED) -> _Shape:
    return _Shape(signs, re.compile(pattern, re.IGNORECASE | re.DOTALL), replacement)


_SHAPES = (
    # A block of PEM, also one that was cut off.
    _shape(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|\Z)", "-----begin"),
    # Who asks a web server, in https://user:password@host: often the token is the user.
    _shape(r"(?P<keep>\bhttps?://)[^\s/@\"'<>]+(?:@[^\s/@\"'<>]+)*(?=@)", "://", replacement=_KEPT),
    # The password in scheme://user:password@host; the user may be empty, as in redis://:password@host.
    _shape(
        r"(?P<keep>\b[a-z][a-z0-9+.-]{0,40}://[^\s:/@\"']*:)[^\s/@\"']+(?:@[^\s/@\"']+)*(?=@)",
        "://",
        replacement=_KEPT,
    ),
    # Headers, as servers and libraries write them out.
    _shape(
        r"(?P<keep>\b(?:proxy-)?authorization: ?(?:bearer |basic |token |digest )?)[^\s\"',;]+[^\r\n\"']*",
        "authorization",
        replacement=_KEPT,
    ),
    _shape(r"(?P<keep>\b(?:set-cookie|cookie|x-api-key|api-key): ?)[^\r\n\"']+", "cookie", "-key", replacement=_KEPT),
    _shape(r"(?P<keep>\b(?:bearer|basic)\s+)[a-z0-9._~+/=-]{8,}", "bearer", "basic", replacement=_KEPT),
    # "password": "…" and 'api_key': '…', as JSON and repr() have them.
    _shape(
        rf"(?P<keep>[\"'][\w-]{{0,60}}{_NAME}[\"']\s*:\s*b?([\"']))(?:(?!\2)[^\\]|\\.)*", "'", '"', replacement=_KEPT
    ),
    # password='…' of a repr() or a shell, password=… of libpq, of a query, of an environment.
    _shape(rf"(?P<keep>{_NAME}\s?=\s?b?([\"']))(?:(?!\2)[^\\]|\\.)*", "=", replacement=_KEPT),
    _shape(rf"(?P<keep>{_NAME}\s?=\s?)[^\s&\"',;()<>]+", "=", replacement=_KEPT),
    # alter role … password '…'
    _shape(r"(?P<keep>\bpassword\s+')(?:[^']|'')*", "password", replacement=_KEPT),
    # What queries call it.
    _shape(r"(?P<keep>[?&](?:key|auth|sig|signature|code)=)[^\s&\"'#<>]+", "=", replacement=_KEPT),
    # Our own API tokens; keys of OpenAI and Anthropic; of AWS, GitHub, GitLab, Hugging Face, Stripe, Slack, Google.
    _shape(r"\bsignalist_[a-z0-9_-]{20,}", "signalist_"),
    _shape(r"\bsk-[a-z0-9_-]{8,}", "sk-"),
    _shape(r"(?-i:\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b)", "akia", "asia", "abia", "acca"),
    _shape(
        r"\b(?:gh[pousr]_|github_pat_|glpat-|hf_|[rs]k_live_|[rs]k_test_)[a-z0-9_-]{16,}",
        *("gh", "github_pat_", "glpat-", "hf_", "k_live_", "k_test_"),
    ),
    _shape(r"\bxox[abeprs]-[a-z0-9-]{10,}", "xox"),
    _shape(r"(?-i:\bAIza[A-Za-z0-9_-]{35})", "aiza"),
    # JSON Web Tokens.
    _shape(r"(?-i:\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?)", "eyj"),
)

_known: list[str] = []


def learn(settings: BaseModel) -> None:
    """From now on the secrets of these settings are blacked out by their value too, whatever they look like."""
    _known[:] = sorted(secrets_of(settings), key=len, reverse=True)


def secrets_of(settings: BaseModel) -> set[str]:
    """What the settings guard: keys as they are, of addresses the password only; the rest of one helps the reader."""
    values = (getattr(settings, name) for name in type(settings).model_fields)
    texts = {value.get_secret_value() for value in values if isinstance(value, SecretStr)}
    passwords = {_password(text) for text in texts if "://" in text}
    found = {text for text in texts if "://" not in text} | passwords | {unquote(password) for password in passwords}
    return {text for text in found if len(text) >= _SHORTEST_SECRET}


def redact(text: str) -> str:
    """The text without secrets."""
    return redaction(_known)(text)


def redaction(known: Iterable[str]) -> Callable[[str], str]:
    """A function that blacks out in a text those secrets and whatever looks like one."""

    def black_out(text: str) -> str:
        for secret in known:
            text = text.replace(secret, REDACTED)
        lowered = text.lower()
        for shape in _SHAPES:
            if any(sign in lowered for sign in shape.signs):
                text = shape.pattern.sub(shape.replacement, text)
        return text

    return black_out


def redacted(value: Any, black_out: Callable[[str], str] = redact) -> Any:
    """A JSON value, or anything that is to be logged, without secrets: in texts, in keys, and under a secret's name."""
    match value:
        case None | bool() | int():
            return value
        case float():
            # JSON has no other, and nobody may keep a record from being written by asking for one.
            return value if math.isfinite(value) else str(value)
        case str():
            return black_out(value)
        case Mapping():
            return {
                black_out(str(key)): REDACTED if is_secret(str(key), item) else redacted(item, black_out)
                for key, item in value.items()
            }
        case list() | tuple() | set() | frozenset():
            return [redacted(item, black_out) for item in value]
        case _:
            # What a renderer would call repr() on, it could leak a secret with.
            return black_out(repr(value))


def is_secret(name: str, value: object) -> bool:
    """Whether a text of that name is one."""
    return isinstance(value, str | bytes | SecretStr) and bool(_SECRET_NAMES.search(name))


def _password(address: str) -> str:
    """Empty where it is what stands openly beside it: it guards nothing, and blacks out ordinary words."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    password = parts.password or ""
    return "" if password in {parts.username, parts.hostname, parts.path.strip("/")} else password

"""Addresses of our own pages: every filter lives in them, and a page that ended somewhere goes on from there."""

import base64
import binascii
import json
from urllib.parse import urlencode


def url(path: str, **parameters: object) -> str:
    """`path` with those parameters that say something: `url("/feeds", q="", state="failing")` is
    `/feeds?state=failing`."""
    said = {name: value for name, value in parameters.items() if value not in (None, "")}
    return f"{path}?{urlencode(said)}" if said else path


def cursor(*parts: str) -> str:
    """Where a page ended, as one word for an address."""
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def parts(word: str, number: int) -> tuple[str, ...] | None:
    """What `cursor` was made of; None for an address that someone cut or made up."""
    try:
        found = json.loads(base64.urlsafe_b64decode(word + "=" * (-len(word) % 4)))
    except (binascii.Error, ValueError):
        return None
    if isinstance(found, list) and len(found) == number and all(isinstance(part, str) for part in found):
        return tuple(found)
    return None

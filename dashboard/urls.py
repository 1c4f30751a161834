"""Addresses of our own pages: every filter lives in them, and a page that ended somewhere goes on from there."""

import base64
import uuid
from functools import cache
from typing import Any, TypeVar
from urllib.parse import urlencode

from pydantic import TypeAdapter
from pydantic_core import to_json

Place = TypeVar("Place", bound=tuple[object, ...])


def url(path: str, **parameters: object) -> str:
    """`path` with those parameters that say something: `url("/feeds", q="", state="failing")` is
    `/feeds?state=failing`."""
    said = {name: value for name, value in parameters.items() if value not in (None, "")}
    return f"{path}?{urlencode(said)}" if said else path


def cursor(place: tuple[object, ...] | None) -> str | None:
    """Where a page ended, as one word for an address; None where it was the last."""
    return None if place is None else base64.urlsafe_b64encode(to_json(place)).decode().rstrip("=")


def place(word: str, kind: type[Place]) -> Place | None:
    """What `cursor` made the word of; None for one that someone cut or made up."""
    try:
        found: Place = _reader(kind).validate_json(base64.urlsafe_b64decode(word + "=" * (-len(word) % 4)))
    except ValueError:
        return None
    return found


@cache
def _reader(kind: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def read_id(given: str) -> uuid.UUID | None:
    """The id in an address; None for none, and for what is none."""
    try:
        return uuid.UUID(given)
    except ValueError:
        return None

"""Long lists come in pages by key: no page gets slower the further one reads, and none skips what was added."""

import datetime as dt
import uuid
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field

from core.errors import BadRequest
from dashboard import urls

T = TypeVar("T")
NOT_OURS = "`after` is not the `next` of a page."

Limit = Annotated[int, Query(ge=1, le=500, description="How many at most.")]
After = Annotated[str | None, Query(description="The `next` of the page before.")]


class Page(BaseModel, Generic[T]):
    """Some of a list."""

    items: tuple[T, ...]
    next: str | None = Field(description="Hand it over as `after` for what follows; null: this was all.")


def position(after: str | None, number: int) -> tuple[str, ...] | None:
    """What a `next` of ours was made of, in so many parts. Raises BadRequest for anything else."""
    if after is None:
        return None
    found = urls.parts(after, number)
    if found is None:
        raise BadRequest(NOT_OURS)
    return found


def whole_id(text: str) -> uuid.UUID:
    """A part of a position that is an id. Raises BadRequest."""
    try:
        return uuid.UUID(text)
    except ValueError:
        raise BadRequest(NOT_OURS) from None


def instant(text: str) -> dt.datetime:
    """A part of a position that is a time. Raises BadRequest."""
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError:
        raise BadRequest(NOT_OURS) from None


def whole_number(text: str) -> int:
    """A part of a position that is a number. Raises BadRequest."""
    try:
        return int(text)
    except ValueError:
        raise BadRequest(NOT_OURS) from None

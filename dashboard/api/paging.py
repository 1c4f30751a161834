"""Long lists come in pages by key: no page gets slower the further one reads, and none skips what was added."""

from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field

from core.errors import BadRequest
from dashboard.urls import Place, place

T = TypeVar("T")

Limit = Annotated[int, Query(ge=1, le=500, description="How many at most.")]
After = Annotated[str | None, Query(description="The `next` of the page before.")]


class Page(BaseModel, Generic[T]):
    """Some of a list."""

    items: tuple[T, ...]
    next: str | None = Field(description="Hand it over as `after` for what follows; null: this was all.")


def position(after: str | None, kind: type[Place]) -> Place | None:
    """Where the page before ended. Raises BadRequest for what is no `next` of ours."""
    if after is None:
        return None
    found = place(after, kind)
    if found is None:
        raise BadRequest("`after` is not the `next` of a page.")
    return found

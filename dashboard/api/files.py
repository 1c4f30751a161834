"""Answers that are files, written while they are sent."""

from collections.abc import AsyncIterator
from typing import Literal

from starlette.responses import StreamingResponse

Form = Literal["csv", "json"]
_MEDIA_TYPES: dict[Form, str] = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


async def as_file(parts: AsyncIterator[str], name: str, form: Form) -> StreamingResponse:
    """Sends `parts` as a file of that name. Raises what the first part raises: until then an error is an answer."""
    first = await anext(parts)
    headers = {"content-disposition": f'attachment; filename="{name}.{form}"', "cache-control": "no-store"}
    return StreamingResponse(_all(first, parts), media_type=_MEDIA_TYPES[form], headers=headers)


async def _all(first: str, rest: AsyncIterator[str]) -> AsyncIterator[str]:
    yield first
    async for part in rest:
        yield part

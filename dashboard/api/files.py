"""Answers that are files, written while they are sent."""

from collections.abc import AsyncIterator

from starlette.responses import StreamingResponse


async def as_file(parts: AsyncIterator[str], name: str, media_type: str) -> StreamingResponse:
    """Sends `parts` as a file of that name. Raises what the first part raises: until then an error is an answer."""
    first = await anext(parts)
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return StreamingResponse(_all(first, parts), media_type=media_type, headers=headers)


async def _all(first: str, rest: AsyncIterator[str]) -> AsyncIterator[str]:
    yield first
    async for part in rest:
        yield part

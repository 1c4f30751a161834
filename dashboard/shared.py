"""One reading for all pages of this process, so that the servers are not asked more often because more people look."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Shared(Generic[T]):
    """Whoever asks within `fresh_s` seconds of a reading gets that one; whoever asks during one waits for it."""

    def __init__(self, read: Callable[[], Awaitable[T]], fresh_s: float) -> None:
        self._read, self._fresh_s = read, fresh_s
        self._turn = asyncio.Lock()
        self._known: tuple[float, T] | None = None

    async def __call__(self) -> T:
        """Raises what reading raises; a failure is not remembered."""
        async with self._turn:
            if self._known is None or time.monotonic() - self._known[0] > self._fresh_s:
                self._known = (time.monotonic(), await self._read())
            return self._known[1]

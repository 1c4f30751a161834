"""A server that is away: one sentence when it goes, one when it is back, and patience in between."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from structlog.typing import FilteringBoundLogger

from core.errors import DatabaseUnavailable

_SHORTEST_S = 0.1
_LONGEST_S = 2.0


@asynccontextmanager
async def answered_within(seconds: float) -> AsyncIterator[None]:
    """A Postgres that takes the question and never answers is away, too. Raises DatabaseUnavailable."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise DatabaseUnavailable("Postgres does not answer.") from None


class Outage:
    """What one process knows of one server."""

    def __init__(self, log: FilteringBoundLogger, server: str) -> None:
        self._log = log
        self._server = server
        self._since: float | None = None

    def failed(self, error: Exception) -> float:
        """Call with every failure; returns how many seconds to wait before the next try."""
        now = time.monotonic()
        if self._since is None:
            self._since = now
            self._log.warning("a server is away", server=self._server, reason=str(error))
        return min(max((now - self._since) / 4, _SHORTEST_S), _LONGEST_S)

    def over(self) -> None:
        """Call with every success."""
        if self._since is not None:
            away = round(time.monotonic() - self._since, 1)
            self._since = None
            self._log.info("a server is back", server=self._server, away_s=away)

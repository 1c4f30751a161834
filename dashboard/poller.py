"""One reader a process: pages listen and render, so that the cost of the servers does not grow with the viewers."""

import asyncio
import datetime as dt
import logging
import time
from collections.abc import Callable

from nicegui import Client

from core import snapshot
from core.readings import Reader
from core.snapshot import Snapshot

EVERY_S = 2.0
# Past this, what the poller knows is no longer the truth and nobody may be told that it is.
STALE_S = 3 * EVERY_S + 2.0

log = logging.getLogger(__name__)
Listener = Callable[[Snapshot], None]


class Poller:
    """Takes a snapshot every EVERY_S and hands it to every open page."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._listeners: dict[Client, list[Listener]] = {}
        self._task: asyncio.Task[None] | None = None
        self._one_at_a_time = asyncio.Lock()
        self.since = dt.datetime.now(dt.UTC)
        self.latest: Snapshot | None = None
        # How long the last one took, from the first question to the last page that was told; None before the first.
        self.took_s: float | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="poller")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    def follow(self, client: Client, listener: Listener) -> None:
        """Calls `listener` at once with what is known, and with each new snapshot until the page is closed."""
        if client not in self._listeners:
            self._listeners[client] = []
            client.on_delete(lambda: self._listeners.pop(client, None))
        self._listeners[client].append(listener)
        if self.latest is not None:
            listener(self.latest)

    async def poll(self) -> Snapshot:
        """Takes one snapshot now, remembers it and tells the pages."""
        started = time.monotonic()
        async with self._one_at_a_time:
            self.latest = await snapshot.take(self._reader)
        for client, listeners in list(self._listeners.items()):
            with client:
                for listener in listeners:
                    listener(self.latest)
            # Many open pages must not hold up a request that arrives in between.
            await asyncio.sleep(0)
        self.took_s = time.monotonic() - started
        return self.latest

    def age(self, now: dt.datetime) -> float:
        """Seconds since the last snapshot; before the first, since the start: a restart must not hide blindness."""
        return (now - (self.latest.at if self.latest else self.since)).total_seconds()

    async def _run(self) -> None:
        while True:
            started = time.monotonic()
            try:
                await self.poll()
            except Exception:
                # A mistake in one page must not blind all of them. The pages show the growing age meanwhile.
                log.exception("The screens could not be refreshed.")
            await asyncio.sleep(max(0.1, EVERY_S - (time.monotonic() - started)))

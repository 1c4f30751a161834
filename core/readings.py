"""Everything the screens show, read side by side, each part with its own deadline.

A server that has gone silent costs one part its newest value, never the others theirs: a read that outlasts its
deadline is cancelled but not waited for (a driver may take seconds to give up on a black-holed connection), and no
second one is started while it lingers.
"""

import asyncio
import datetime as dt
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from redis.asyncio import Redis

from core import migrations, queues, reading
from core.config import Settings
from core.db import Database
from core.errors import SignalistError
from core.migrations import MigrationStatus
from core.phrases import duration
from core.queries import articles, failed_summary, feeds, samples, server, vector_index
from core.queries.articles import Progress
from core.queries.failed_summary import FailedSummary
from core.queries.feeds import FeedCounts
from core.queries.samples import SamplePoint
from core.queries.server import DatabaseFacts
from core.queries.vector_index import VectorTable
from core.queues import QueueDepth, RedisFacts, SchedulerBeat, WorkerBeat
from core.reading import Reading

# DESIGN of /health: a second at most for each check.
DEADLINE_S = 1.0
# What changes slowly or costs more is read less often; the screens say how old it is.
SLOW_EVERY_S = 15.0
HISTORY = dt.timedelta(hours=1)

T = TypeVar("T")


@dataclass(frozen=True)
class Readings:
    """One instant, as far as it could be read."""

    database: Reading[DatabaseFacts]
    redis: Reading[RedisFacts]
    queues: Reading[Sequence[QueueDepth]]
    workers: Reading[Sequence[WorkerBeat]]
    scheduler: Reading[SchedulerBeat | None]
    migrations: Reading[MigrationStatus]
    failed: Reading[FailedSummary]
    feeds: Reading[FeedCounts]
    embedding: Reading[Progress]
    summaries: Reading[Progress]
    newest_article: Reading[dt.datetime | None]
    index: Reading[VectorTable]
    history: Reading[Sequence[SamplePoint]]


class _Probe(Generic[T]):
    """One part: reads, times, and remembers what it last knew."""

    def __init__(self, name: str, read: Callable[[], Awaitable[T]], at: dt.datetime, every: float = 0.0) -> None:
        self._name, self._read, self._every = name, read, every
        self._task: asyncio.Task[T] | None = None
        self._next = 0.0
        self.reading: Reading[T] = reading.never(at)

    async def refresh(self, clock: Callable[[], dt.datetime]) -> Reading[T]:
        started = time.monotonic()
        if self.reading.ok and started < self._next:
            return self.reading
        if self._task is not None and not self._task.done():
            return self._fail(f"{self._name} still has not answered.", clock())
        self._task = asyncio.ensure_future(self._read())
        await asyncio.wait({self._task}, timeout=DEADLINE_S)
        if not self._task.done():
            self._task.cancel()
            return self._fail(f"{self._name} did not answer within {duration(DEADLINE_S)}.", clock())
        error = self._task.exception()
        if isinstance(error, SignalistError):
            return self._fail(str(error), clock())
        if error is not None:
            raise error
        self._next = started + self._every
        self.reading = reading.succeeded(self._task.result(), clock(), (time.monotonic() - started) * 1000)
        return self.reading

    def _fail(self, error: str, at: dt.datetime) -> Reading[T]:
        self.reading = reading.failed(self.reading, error, at)
        return self.reading


class Reader:
    """Reads it all, again and again. One a process: however many look, the servers are asked once."""

    def __init__(
        self, settings: Settings, database: Database, redis: Redis, clock: Callable[[], dt.datetime] | None = None
    ) -> None:
        self._clock = clock or (lambda: dt.datetime.now(dt.UTC))
        self._database, self._redis = database, redis
        self._model, self._summary_model = settings.active_embedding_model, settings.active_summary_model
        self._history: tuple[SamplePoint, ...] = ()
        at = self._clock()
        self._probes = (
            _Probe("Postgres", self._on(server.facts), at),
            _Probe("Redis", lambda: queues.server_facts(redis), at),
            _Probe("Redis", lambda: queues.depths(redis, self._clock()), at),
            _Probe("Redis", lambda: queues.worker_beats(redis), at),
            _Probe("Redis", lambda: queues.scheduler_beat(redis), at),
            _Probe("Postgres", self._migrations, at),
            _Probe("Postgres", self._on(failed_summary.read), at),
            _Probe("Postgres", self._on(feeds.counts), at, SLOW_EVERY_S / 3),
            _Probe("Postgres", self._on(lambda session: articles.embedding_progress(session, self._model)), at),
            _Probe("Postgres", self._on(lambda session: articles.summary_progress(session, self._summary_model)), at),
            _Probe("Postgres", self._on(articles.newest_at), at, SLOW_EVERY_S),
            _Probe("Postgres", self._on(vector_index.read), at, SLOW_EVERY_S),
            _Probe("Postgres", self._read_history, at),
        )

    async def read(self) -> Readings:
        """Asks everything at once; takes at most a deadline, whatever is broken."""
        return Readings(*await asyncio.gather(*(probe.refresh(self._clock) for probe in self._probes)))

    def _on(self, query: Callable[..., Awaitable[T]]) -> Callable[[], Awaitable[T]]:
        async def read() -> T:
            async with self._database.session() as session:
                return await query(session)

        return read

    async def _migrations(self) -> MigrationStatus:
        async with self._database.session() as session:
            return migrations.compare(await server.revision(session))

    async def _read_history(self) -> tuple[SamplePoint, ...]:
        oldest = self._clock() - HISTORY
        newest = self._history[-1].at if self._history else oldest
        async with self._database.session() as session:
            fresh = await samples.since(session, newest)
        self._history = tuple(point for point in (*self._history, *fresh) if point.at > oldest)
        return self._history

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
from typing import Any, Generic, TypeVar

from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession

from core import migrations, queues, reading
from core.config import Settings
from core.db import Database
from core.errors import SignalistError
from core.migrations import MigrationStatus
from core.phrases import duration
from core.queries import articles, failed_summary, feeds, index_measurements, operations, samples, server, vector_index
from core.queries.articles import Progress
from core.queries.failed_summary import FailedSummary
from core.queries.feeds import FeedCounts
from core.queries.index_measurements import Measurement
from core.queries.operations import OperationRow
from core.queries.samples import SamplePoint
from core.queries.server import DatabaseFacts
from core.queries.vector_index import VectorTable
from core.queues import QueueDepth, RedisFacts, SchedulerBeat, WorkerBeat
from core.reading import Reading

# DESIGN of /health: a second at most for each check.
DEADLINE_S = 1.0
# A driver that waits for the answer to its cancellation waits for ever if the server lost it: past this, the
# connection is given up and a new one is opened.
ABANDON_AFTER_S = 10.0
# What changes slowly or costs more is read less often; the screens say how old it is.
SLOW_EVERY_S = 15.0
HISTORY = dt.timedelta(hours=1)

# Whoever comes back the next morning is to see an operation that failed and left something behind.
FAILED_LATELY = dt.timedelta(hours=24)

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
    measured: Reading[Measurement | None]
    operations: Reading[Sequence[OperationRow]]
    history: Reading[Sequence[SamplePoint]]


class _Probe(Generic[T]):
    """One part: reads, times, and remembers what it last knew."""

    def __init__(
        self,
        name: str,
        read: Callable[[], Awaitable[T]],
        at: dt.datetime,
        abandon: Callable[[], Awaitable[None]],
        every: float = 0.0,
    ) -> None:
        """`abandon` gives up on the connections that lingering reads hold."""
        self._name, self._read, self._abandon, self._every = name, read, abandon, every
        self._task: asyncio.Task[T] | None = None
        self._begun = self._next = 0.0
        self.reading: Reading[T] = reading.never(at)

    async def refresh(self, clock: Callable[[], dt.datetime], server: Reading[Any] | None = None) -> Reading[T]:
        """Reads anew if it is time. `server`: where this is read from; when that just failed, it is not asked again."""
        started = time.monotonic()
        if server is not None and server.error is not None:
            return self._fail(server.error, clock())
        if self.reading.ok and started < self._next:
            return self.reading
        if self._task is not None and not self._task.done():
            if started - self._begun < ABANDON_AFTER_S:
                return self._fail(f"{self._name} still has not answered.", clock())
            await self._abandon()
        self._begun = started
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
        self._history: Sequence[SamplePoint] = ()
        at = self._clock()

        def postgres(query: Callable[[AsyncSession], Awaitable[T]], every: float = 0.0) -> _Probe[T]:
            return _Probe("Postgres", self._on(query), at, database.renew, every)

        def valkey(read: Callable[[], Awaitable[T]]) -> _Probe[T]:
            return _Probe("Redis", read, at, redis.connection_pool.disconnect)

        self._server = postgres(server.facts)
        self._redis_server = valkey(lambda: queues.server_facts(redis))
        self._queues = valkey(lambda: queues.depths(redis, self._clock()))
        self._workers = valkey(lambda: queues.worker_beats(redis))
        self._scheduler = valkey(lambda: queues.scheduler_beat(redis))
        self._schema = postgres(self._revision)
        self._failed = postgres(failed_summary.read)
        self._feeds = postgres(feeds.counts)
        self._embedding = postgres(lambda session: articles.embedding_progress(session, self._model))
        self._summaries = postgres(lambda session: articles.summary_progress(session, self._summary_model))
        self._newest = postgres(articles.newest_at)
        self._index = postgres(vector_index.read, SLOW_EVERY_S)
        self._measured = postgres(_measured, SLOW_EVERY_S)
        self._operations = postgres(lambda session: operations.open_ones(session, FAILED_LATELY))
        self._samples = postgres(self._fresh_history)

    async def read(self) -> Readings:
        """Asks everything side by side; takes about a deadline at most, whatever is broken."""
        # The two servers first and alone: their latency is then theirs, and not that of a crowd.
        await asyncio.gather(self._server.refresh(self._clock), self._redis_server.refresh(self._clock))
        on_redis: tuple[_Probe[Any], ...] = (self._queues, self._workers, self._scheduler)
        on_postgres: tuple[_Probe[Any], ...] = (
            self._schema,
            self._failed,
            self._feeds,
            self._embedding,
            self._summaries,
            self._newest,
            self._index,
            self._measured,
            self._operations,
            self._samples,
        )
        await asyncio.gather(
            *(probe.refresh(self._clock, self._redis_server.reading) for probe in on_redis),
            *(probe.refresh(self._clock, self._server.reading) for probe in on_postgres),
        )
        return Readings(
            database=self._server.reading,
            redis=self._redis_server.reading,
            queues=self._queues.reading,
            workers=self._workers.reading,
            scheduler=self._scheduler.reading,
            migrations=self._schema.reading,
            failed=self._failed.reading,
            feeds=self._feeds.reading,
            embedding=self._embedding.reading,
            summaries=self._summaries.reading,
            newest_article=self._newest.reading,
            index=self._index.reading,
            measured=self._measured.reading,
            operations=self._operations.reading,
            history=self._samples.reading,
        )

    def _on(self, query: Callable[[AsyncSession], Awaitable[T]]) -> Callable[[], Awaitable[T]]:
        async def read() -> T:
            async with self._database.session() as session:
                return await query(session)

        return read

    async def _revision(self, session: AsyncSession) -> MigrationStatus:
        return migrations.compare(await server.revision(session))

    async def _fresh_history(self, session: AsyncSession) -> Sequence[SamplePoint]:
        oldest = self._clock() - HISTORY
        newest = self._history[-1].at if self._history else oldest
        fresh = await samples.since(session, newest)
        self._history = tuple(point for point in (*self._history, *fresh) if point.at > oldest)
        return self._history


async def _measured(session: AsyncSession) -> Measurement | None:
    """The newest measurement of the index that searches use."""
    serving = (await vector_index.read(session)).serving
    return await index_measurements.latest(session, serving.name, serving.mark) if serving else None

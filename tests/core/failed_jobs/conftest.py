"""A pipeline in which jobs fail and are retried, as its workers would do it, without workers."""

import datetime as dt
import json
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from redis.asyncio import Redis

from core.access import Role, User
from core.db import Database
from core.failed_jobs import Attempt, Failure, begin, discard, reopen, retry, run
from core.failed_jobs.filter import Filter
from core.queries import failed_actions, failed_jobs, failed_list
from core.queries.failed_actions import FailedJobsAction
from core.queries.failed_list import FailedRow
from core.queues import QUEUES, connect
from core.queues.delivery import Consumer, Hold

NOW = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)
ANNA = User(id=None, name="anna", role=Role.OPERATOR)


@dataclass
class World:
    """One Postgres, one Redis, and a clock that goes on a second with each failure."""

    database: Database
    redis: Redis
    worker: Consumer
    failures: int = 0

    async def fail(self, *, key: str = "", cause: str = "f" * 16, **changes: Any) -> str:
        """A job fails for good; returns its key."""
        self.failures += 1
        at = NOW + dt.timedelta(seconds=self.failures)
        argument = str(uuid.uuid4())
        key = key or f"generate_embeddings:{argument}"
        story = {
            "task_id": uuid.uuid4().hex,
            "key": key,
            "task": "generate_embeddings",
            "queue": "embed",
            "args": [key.partition(":")[2]],
            "kwargs": {},
            "labels": {"queue_name": "embed", "job_key": key},
            "attempts": [Attempt(at, "box:1", 0.5, "RateLimitError", "429", "core/a.py:f", "RateLimitError: 429")],
            "exception": "RateLimitError",
            "message": "429 requests per minute exceeded",
            "fingerprint": cause,
            "reason": "gave up after 4 attempts",
            "deliveries": 1,
            "failed_at": at,
        }
        async with self.database.session() as session:
            await failed_jobs.record(session, Failure(**(story | changes)))
        return key

    async def fail_many(self, number: int) -> list[str]:
        return [await self.fail() for _ in range(number)]

    async def work(self, outcome: Callable[[dict[str, Any]], bool] = lambda _: True) -> list[str]:
        """Runs everything that waits in the queues of the pipeline; returns the keys. `outcome`: does it succeed?"""
        ran = []
        while entries := await self.worker.fetch(dict.fromkeys(("crawl", "embed", "summarise"), 100)):
            for entry in entries:
                message = json.loads(entry.fields[b"data"])
                key = message["labels"]["job_key"]
                ran.append(key)
                if outcome(message):
                    async with self.database.session() as session:
                        await failed_jobs.mark_succeeded(session, [key])
                else:
                    await self.fail(key=key)
                hold = Hold(entry.queue, entry.id, message["task_id"], key, entry.taken_ms)
                assert await self.worker.finish(hold, "done", "{}")
        return ran

    async def rows(self, chosen: Filter | None = None) -> tuple[FailedRow, ...]:
        async with self.database.session() as session:
            return (await failed_list.page(session, chosen or Filter(), limit=5_000)).rows

    async def ids(self) -> tuple[uuid.UUID, ...]:
        return tuple(row.id for row in await self.rows())

    async def action(self, action: uuid.UUID) -> FailedJobsAction:
        async with self.database.session() as session:
            return await failed_actions.get(session, action)

    async def retry(self, chosen: Filter, *, user: User = ANNA, **options: Any) -> begin.Begun:
        return await retry.retry(self.database, self.redis, user, "browser", chosen, now=NOW, **options)

    async def discard(self, chosen: Filter, *, user: User = ANNA) -> begin.Begun:
        return await discard.discard(self.database, self.redis, user, "browser", chosen, now=NOW)

    async def undo(self, action: uuid.UUID) -> begin.Begun:
        return await reopen.undo(self.database, self.redis, ANNA, "browser", action, now=NOW)

    async def run(self, action: uuid.UUID, *, patience: float = 0.0) -> bool:
        return await run.run(self.database, self.redis, action, patience=patience)


@pytest.fixture
async def world(database: Database, redis_url: str) -> AsyncIterator[World]:
    redis = connect(redis_url)
    worker = Consumer(redis, "worker", 60.0, QUEUES)
    await worker.ensure_groups()
    yield World(database, redis, worker)
    await redis.aclose()

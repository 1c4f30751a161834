"""Workers inside the test's own event loop, through the real broker and taskiq's real receiver."""

import asyncio
import datetime as dt
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol
from urllib.parse import urlsplit

import pytest
from gate import Gate
from redis.asyncio import Redis
from sqlalchemy import make_url, select

from core.db import Database
from core.models import FailedJob
from core.queues import QueueDepth, connect, depths
from workers.broker import Broker
from workers.leases import fence
from workers.limits import Limits
from workers.receiver import Receiver

LEASE_S = 1.0


class Until(Protocol):
    """Waits for a condition; the test fails after `within` seconds."""

    async def __call__(self, condition: Callable[[], Any], within: float = 8.0) -> Any: ...


class Worker:
    """A broker with a receiver on it, which may be started and stopped."""

    def __init__(self, broker: Broker, slots: int) -> None:
        self.broker = broker
        self.task = broker.task
        self._slots = slots
        self._finish = asyncio.Event()
        self._listening: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self.broker.is_worker_process = True
        receiver = Receiver(self.broker, max_async_tasks=self._slots, wait_tasks_timeout=0.2, validate_params=True)
        self._listening = asyncio.create_task(receiver.listen(self._finish))

    async def stop(self) -> None:
        self._finish.set()
        if self._listening is not None:
            await self._listening
            self._listening = None
            await self.broker.shutdown()


@pytest.fixture
async def postgres_gate(app_url: str) -> AsyncIterator[tuple[Gate, str]]:
    """A gate before Postgres, and the address behind it."""
    address = make_url(app_url)
    gate = Gate(f"{address.query['host']}/.s.PGSQL.{address.query.get('port', 5432)}")
    await gate.open()
    yield gate, f"postgresql://{address.username}@127.0.0.1:{gate.port}/{address.database}"
    await gate.close()


@pytest.fixture
async def redis_gate(redis_url: str) -> AsyncIterator[tuple[Gate, str]]:
    """A gate before Redis, and the address behind it."""
    gate = Gate(urlsplit(redis_url).path)
    await gate.open()
    yield gate, f"redis://127.0.0.1:{gate.port}/0"
    await gate.close()


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
def until() -> Until:
    async def wait(condition: Callable[[], Any], within: float = 8.0) -> Any:
        deadline = time.monotonic() + within
        while True:
            found = condition()
            found = await found if isinstance(found, Awaitable) else found
            if found:
                return found
            assert time.monotonic() < deadline, "it did not happen in time"
            await asyncio.sleep(0.01)

    return wait


@pytest.fixture
async def worker(redis_url: str, app_url: str) -> AsyncIterator[Callable[..., Worker]]:
    """Makes workers that are stopped after the test. Tasks are put on them before they start."""
    made: list[Worker] = []
    pools: list[Database] = []

    def make(slots: int = 4, **options: Any) -> Worker:
        pool = Database(options.pop("database", app_url), application="worker", before_commit=fence)
        recycling = options.pop("recycling", None) or Limits(stop=lambda: None)
        address = options.pop("redis", redis_url)
        broker = Broker(address, database=pool, slots=slots, recycling=recycling, **{"lease": LEASE_S, **options})
        made.append(Worker(broker, slots))
        pools.append(pool)
        return made[-1]

    yield make
    for one in made:
        await one.stop()
    for pool in pools:
        await pool.close()


@pytest.fixture
def depth(redis: Redis) -> Callable[[str], Awaitable[QueueDepth]]:
    async def of(queue: str) -> QueueDepth:
        return next(one for one in await depths(redis, dt.datetime.now(dt.UTC)) if one.name == queue)

    return of


@pytest.fixture
def failed(database: Database) -> Callable[[], Awaitable[list[FailedJob]]]:
    async def rows() -> list[FailedJob]:
        async with database.session() as session:
            return list((await session.scalars(select(FailedJob).order_by(FailedJob.first_failed_at))).all())

    return rows

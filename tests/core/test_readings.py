"""What is read, and what happens when a server is gone or says nothing."""

import datetime as dt
import socket
import time
from collections.abc import AsyncIterator

import pytest

from core import queues, snapshot
from core.config import Settings
from core.db import Database
from core.health import Status
from core.readings import DEADLINE_S, Reader


@pytest.fixture
async def black_hole() -> AsyncIterator[int]:
    """A port that accepts connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield listener.getsockname()[1]


async def test_a_reading_of_healthy_servers_knows_everything(database: Database, redis_url: str) -> None:
    redis = queues.connect(redis_url)
    await snapshot.take_sample(database, redis, dt.datetime.now(dt.UTC))
    taken = await snapshot.take(Reader(Settings(), database, redis))
    await redis.aclose()
    read = taken.readings
    assert all(getattr(read, name).ok for name in read.__dataclass_fields__)
    assert read.migrations.value is not None
    assert read.migrations.value.is_current
    assert read.history.value is not None
    assert read.history.value[0].values["waiting.crawl"] == 0
    assert taken.health.check("database").status is Status.HEALTHY
    # Nobody started a worker here.
    assert taken.health.check("workers").status is Status.UNHEALTHY


async def test_silent_servers_cost_a_deadline_and_are_said_to_be_silent(black_hole: int) -> None:
    database = Database(f"postgresql://x:x@127.0.0.1:{black_hole}/x", application="test")
    redis = queues.connect(f"redis://127.0.0.1:{black_hole}/0")
    reader = Reader(Settings(), database, redis)
    started = time.monotonic()
    first = await snapshot.take(reader)
    assert time.monotonic() - started < DEADLINE_S + 0.5
    assert first.health.status is Status.UNHEALTHY
    assert "did not answer" in first.health.check("database").detail
    assert first.health.check("queue").status is Status.UNKNOWN
    second = await snapshot.take(reader)
    assert second.readings.database.failing_since == first.readings.database.failing_since
    await redis.aclose()
    await database.close()

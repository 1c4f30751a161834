"""Real worker processes that are killed, stopped and continued; servers of their own that are, too."""

import asyncio
import datetime as dt
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from crew import Crew
from redis.asyncio import Redis

from core.queues import QueueDepth, connect, depths
from core.servers.valkey import Valkey


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    """A Valkey of the test's own, to be killed."""
    server = Valkey(tmp_path)
    server.start()
    server.wait_until_ready()
    yield server
    server.stop()


@pytest.fixture
async def redis(valkey: Valkey) -> AsyncIterator[Redis]:
    client = connect(valkey.url)
    yield client
    await client.aclose()


@pytest.fixture
def crew(valkey: Valkey, database_url: str, tmp_path: Path) -> Iterator[Crew]:
    one = Crew(tmp_path, redis=valkey.url, database=database_url)
    yield one
    one.end()


@pytest.fixture
def until() -> Callable[..., Awaitable[Any]]:
    """Waits for a condition; the test fails after `within` seconds."""

    async def wait(condition: Callable[[], Any], within: float = 45.0) -> Any:
        deadline = time.monotonic() + within
        while True:
            found = condition()
            found = await found if isinstance(found, Awaitable) else found
            if found:
                return found
            assert time.monotonic() < deadline, "it did not happen in time"
            await asyncio.sleep(0.02)

    return wait


@pytest.fixture
def depth(redis: Redis) -> Callable[[str], Awaitable[QueueDepth]]:
    async def of(queue: str) -> QueueDepth:
        return next(one for one in await depths(redis, dt.datetime.now(dt.UTC)) if one.name == queue)

    return of

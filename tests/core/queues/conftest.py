"""Queues as workers see them, without workers."""

from collections.abc import AsyncIterator, Callable

import pytest
from redis.asyncio import Redis

from core.queues import connect
from core.queues.delivery import Consumer, Entry, Hold

LEASE_S = 0.3


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
async def consumer(redis: Redis) -> Callable[[str], Consumer]:
    """Makes a consumer of that name, with a lease that a test can wait for."""
    await Consumer(redis, "first", LEASE_S).ensure_groups()
    return lambda name: Consumer(redis, name, LEASE_S)


@pytest.fixture
def hold() -> Callable[..., Hold]:
    """What to name of an entry to keep it."""

    def of(entry: Entry, task_id: str, key: str = "") -> Hold:
        return Hold(entry.queue, entry.id, task_id, key, entry.taken_ms)

    return of

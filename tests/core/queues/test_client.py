"""The edge at which errors of the driver become ours."""

import asyncio

import pytest

from core.errors import RedisUnavailable
from core.queues.client import redis_errors


async def test_a_cancellation_that_nobody_asked_for_is_a_redis_that_does_not_answer() -> None:
    with pytest.raises(RedisUnavailable), redis_errors():
        raise asyncio.CancelledError


async def test_a_cancellation_that_somebody_asked_for_is_one() -> None:
    async def ask() -> None:
        with redis_errors():
            await asyncio.sleep(60)

    asking = asyncio.create_task(ask())
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

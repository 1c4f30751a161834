"""Stopping one job."""

from typing import Literal, cast

from redis.asyncio import Redis

from core.queues.client import redis_errors
from core.queues.scripts import CANCEL

Cancelled = Literal["removed", "requested", "gone"]


async def cancel(redis: Redis, queue: str, task_id: str) -> Cancelled:
    """Removes a waiting or delayed job; asks the worker of a running one to stop it, which it does within a second.

    "gone": there is no such job (any more). Raises RedisUnavailable.
    """
    with redis_errors():
        answer: bytes = await CANCEL.run_on_queue(redis, queue, task_id)
    return cast("Cancelled", answer.decode())

"""Pause and resume: no job of a paused queue starts; those that run finish."""

from redis.asyncio import Redis

from core.errors import NotFound
from core.queues import keys
from core.queues.client import redis_errors


async def pause(redis: Redis, queue: str) -> None:
    """Raises NotFound if there is no such queue, and RedisUnavailable."""
    with redis_errors():
        await redis.set(_key(queue), "1")


async def resume(redis: Redis, queue: str) -> None:
    """Raises NotFound if there is no such queue, and RedisUnavailable."""
    with redis_errors():
        await redis.delete(_key(queue))


def _key(queue: str) -> str:
    if queue not in keys.QUEUES:
        raise NotFound(f"There is no queue {queue!r}: the queues are {', '.join(keys.QUEUES)}.")
    return keys.paused(queue)

"""Pause and resume: no job of a paused queue starts; those that run finish."""

from redis.asyncio import Redis

from core.queues import keys
from core.queues.client import redis_errors


async def pause(redis: Redis, queue: str) -> None:
    """Raises BadRequest if there is no such queue, and RedisUnavailable."""
    with redis_errors():
        await redis.set(_key(queue), "1")


async def resume(redis: Redis, queue: str) -> None:
    """Raises BadRequest if there is no such queue, and RedisUnavailable."""
    with redis_errors():
        await redis.delete(_key(queue))


def _key(queue: str) -> str:
    keys.check(queue)
    return keys.paused(queue)

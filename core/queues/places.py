"""Whether jobs are still on their way."""

from collections.abc import Sequence

from redis.asyncio import Redis

from core.queues.client import redis_errors
from core.queues.scripts import PLACES


async def alive(redis: Redis, queue: str, keys: Sequence[str]) -> frozenset[str]:
    """Those of the keys whose job waits, is delayed or runs. Raises RedisUnavailable."""
    if not keys:
        return frozenset()
    with redis_errors():
        answers: list[bytes] = await PLACES.run_on_queue(redis, queue, *keys)
    return frozenset(key for key, answer in zip(keys, answers, strict=True) if answer)

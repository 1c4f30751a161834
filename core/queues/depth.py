"""How deep the queues are."""

import datetime as dt
from dataclasses import dataclass

from redis.asyncio import Redis

from core.queues import keys
from core.queues.client import redis_errors
from core.queues.scripts import DEPTH


@dataclass(frozen=True)
class QueueDepth:
    """`done` and `failed` count for ever. `oldest_wait_s` is None when nothing waits."""

    name: str
    waiting: int
    running: int
    delayed: int
    oldest_wait_s: float | None
    paused: bool
    done: int
    failed: int


async def depths(redis: Redis, now: dt.datetime) -> tuple[QueueDepth, ...]:
    """Every queue, at one moment each. Raises RedisUnavailable: then nothing is known, which is not zero."""
    with redis_errors():
        answers = await DEPTH.run_on_queues(redis, [(queue, ()) for queue in keys.QUEUES])
    return tuple(_depth(name, answer, now) for name, answer in zip(keys.QUEUES, answers, strict=True))


def _depth(name: str, answer: list[bytes | int], now: dt.datetime) -> QueueDepth:
    waiting, running, delayed, oldest, paused, done, failed = answer
    # Clocks of two machines differ: an age is never negative.
    waited = max(now.timestamp() - int(oldest) / 1000, 0.0) if oldest else None
    return QueueDepth(
        name, int(waiting), int(running), int(delayed), waited, bool(paused), done=int(done), failed=int(failed)
    )

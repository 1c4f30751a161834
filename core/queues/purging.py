"""Deleting all that a queue has not begun."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from core.queues import keys
from core.queues.client import redis_errors
from core.queues.scripts import PURGE

# Redis serves nobody else during a step: this many take it some milliseconds.
_STEP = 1_000


@dataclass(frozen=True)
class Purged:
    """How many jobs were deleted that had been delayed, and that had been waiting."""

    waiting: int = 0
    delayed: int = 0


async def purge(redis: Redis, queue: str) -> AsyncIterator[Purged]:
    """Deletes the jobs of `queue` that wait and that are delayed, and yields after every step how many so far.

    What comes in after it began is kept, and what runs is not touched. The jobs count as cancelled, and their keys are
    free. Of two purges at once, each job is deleted, and counted, by one.

    Raises BadRequest if there is no such queue, and RedisUnavailable; what was deleted until then stays deleted.
    """
    keys.check(queue)
    with redis_errors():
        # The delayed ones first: what becomes due meanwhile is either among these or waits below.
        upcoming = [task_id async for task_id, _due in redis.zscan_iter(keys.delayed(queue), count=_STEP)]
        newest: Any = await redis.xrevrange(keys.stream(queue), count=1)
    waiting = delayed = 0
    yield Purged()
    for step in _steps(upcoming):
        with redis_errors():
            (deleted,) = await PURGE.run_on_queue(redis, queue, "delayed", *step)
        delayed += deleted
        yield Purged(waiting, delayed)
    last = b""
    while newest:
        with redis_errors():
            deleted, last = await PURGE.run_on_queue(redis, queue, "waiting", _STEP, newest[0][0], last)
        waiting += deleted
        yield Purged(waiting, delayed)
        if not last:
            break


def _steps(ids: Sequence[bytes]) -> list[Sequence[bytes]]:
    return [ids[at : at + _STEP] for at in range(0, len(ids), _STEP)]

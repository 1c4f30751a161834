"""Retried jobs of which nobody will ever hear again come back to the list.

That is one that a person cancelled, one that went down with Redis, and one whose worker died before it could write down
how the job ended. Its tasks may run twice, so retrying it once more is safe; to forget it would not be.
"""

import datetime as dt
from collections import defaultdict

from redis.asyncio import Redis

from core.db import Database
from core.queries import failed_lost
from core.queries.failed_list import FailedCursor
from core.queues.places import alive

# A worker writes down what succeeded every few seconds, and goes on trying while Postgres is away.
PATIENCE = dt.timedelta(minutes=10)
REASON = "retried, and it is not known how that ended"
_AT_ONCE = 500


async def reopen_lost(database: Database, redis: Redis, now: dt.datetime) -> int:
    """Returns how many there were. Raises DatabaseUnavailable and RedisUnavailable."""
    reopened, after = 0, None
    while True:
        async with database.session() as session:
            page = await failed_lost.retried(session, before=now - PATIENCE, after=after, limit=_AT_ONCE)
        by_queue: dict[str, list[str]] = defaultdict(list)
        for job in page:
            by_queue[job.queue].append(job.key)
        living = {queue: await alive(redis, queue, keys) for queue, keys in by_queue.items()}
        lost = [job.id for job in page if job.key not in living[job.queue]]
        if lost:
            async with database.session() as session:
                reopened += await failed_lost.reopen(session, lost, before=now - PATIENCE, reason=REASON)
        if len(page) < _AT_ONCE:
            return reopened
        after = FailedCursor(page[-1].last_failed_at, page[-1].id)

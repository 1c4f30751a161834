"""Sending failed jobs again."""

import datetime as dt

from redis.asyncio import Redis

from core.access import Action, User
from core.db import Database
from core.failed_jobs.begin import CANARY, Begun, begin
from core.failed_jobs.filter import Filter
from core.recording import Face


async def retry(
    database: Database,
    redis: Redis,
    user: User | None,
    face: Face,
    chosen: Filter,
    *,
    now: dt.datetime,
    canary: int = CANARY,
    rate: float | None = None,
) -> Begun:
    """Retries the jobs that match: up to 50 at once, more in the background.

    Then `canary` go first, and the rest only if all of them succeed (0: no such caution), at most `rate` a second.
    Raises what `begin` raises.
    """
    return await begin(
        database,
        redis,
        user,
        face,
        chosen,
        right=Action.RETRY_JOBS,
        verb="retry",
        now=now,
        canary=canary,
        rate=rate,
    )

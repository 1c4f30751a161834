"""Discarding failed jobs: they leave the list and are not sent again; for weeks they can be brought back."""

import datetime as dt

from redis.asyncio import Redis

from core.access import Action, User
from core.db import Database
from core.failed_jobs.begin import Begun, begin
from core.failed_jobs.filter import Filter
from core.recording import Face


async def discard(
    database: Database, redis: Redis, user: User | None, face: Face, chosen: Filter, *, now: dt.datetime
) -> Begun:
    """Discards the jobs that match: up to 50 at once, more in the background. Raises what `begin` raises."""
    return await begin(database, redis, user, face, chosen, right=Action.DISCARD_JOBS, verb="discard", now=now)

"""Bringing discarded jobs back to the list: the way back from a discard."""

import datetime as dt
import uuid
from dataclasses import replace

from redis.asyncio import Redis

from core.access import Action, User
from core.db import Database
from core.failed_jobs.begin import Begun, begin
from core.failed_jobs.filter import Filter
from core.recording import Face


async def reopen(
    database: Database, redis: Redis, user: User | None, face: Face, chosen: Filter, *, now: dt.datetime
) -> Begun:
    """Brings back the discarded jobs that match, except those that have failed anew since. Raises as `begin` does."""
    discarded = replace(chosen, state="discarded")
    return await begin(database, redis, user, face, discarded, right=Action.DISCARD_JOBS, verb="reopen", now=now)


async def undo(
    database: Database, redis: Redis, user: User | None, face: Face, action: uuid.UUID, *, now: dt.datetime
) -> Begun:
    """Brings back what one action has discarded."""
    return await reopen(database, redis, user, face, Filter(action=action), now=now)

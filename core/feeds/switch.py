"""Switching feeds on and off."""

import datetime as dt
import uuid
from collections.abc import Sequence

from redis.asyncio import Redis

from core.access import Action, User
from core.db import Database
from core.feeds.crawl import Crawls, queue
from core.phrases import counted
from core.queries import feeds
from core.recording import Face, recorded


async def enable(
    database: Database, redis: Redis, user: User | None, face: Face, ids: Sequence[uuid.UUID], *, now: dt.datetime
) -> Crawls:
    """Switches feeds on, forgets their errors and queues a crawl of each. Raises what `recorded` raises."""
    await _switch(database, user, face, ids, enabled=True, now=now)
    return await queue(redis, ids)


async def disable(
    database: Database, user: User | None, face: Face, ids: Sequence[uuid.UUID], *, now: dt.datetime
) -> int:
    """Switches feeds off: none is crawled until someone switches it on. Returns how many were on."""
    return await _switch(database, user, face, ids, enabled=False, now=now)


async def _switch(
    database: Database, user: User | None, face: Face, ids: Sequence[uuid.UUID], *, enabled: bool, now: dt.datetime
) -> int:
    verb = "enable" if enabled else "disable"
    async with recorded(database, user, face, Action.EDIT_FEEDS, counted(len(ids), "feed"), verb=verb) as recording:
        changed = await feeds.set_enabled(recording.session, ids, enabled=enabled, now=now)
        recording.details |= {"feeds": [str(id_) for id_ in ids], "changed": changed}
    return changed

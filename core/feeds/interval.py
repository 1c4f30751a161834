"""How often a feed is crawled."""

import datetime as dt
import uuid

from core.access import Action, User
from core.db import Database
from core.errors import BadRequest, NotFound
from core.phrases import duration
from core.queries import feeds
from core.recording import Face, recorded

# More often would be rude to the feed's server; less often, a feed that only keeps its last ten entries loses some.
SHORTEST, LONGEST = dt.timedelta(minutes=5), dt.timedelta(days=7)


async def set_interval(
    database: Database, user: User | None, face: Face, feed_id: uuid.UUID, interval: dt.timedelta, *, now: dt.datetime
) -> None:
    """Crawls the feed that often from now on. Raises BadRequest, NotFound, and what `recorded` raises."""
    if not SHORTEST <= interval <= LONGEST:
        limits = f"{duration(SHORTEST.total_seconds())} and {duration(LONGEST.total_seconds())}"
        raise BadRequest(f"The interval is between {limits}.")
    seconds = int(interval.total_seconds())
    target = str(feed_id)
    async with recorded(database, user, face, Action.EDIT_FEEDS, target, verb="interval", seconds=seconds) as recording:
        if not await feeds.set_interval(recording.session, feed_id, seconds, now=now):
            raise NotFound("There is no such feed: someone removed it.")

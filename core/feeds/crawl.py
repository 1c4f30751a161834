"""Crawling now instead of when it is due."""

import asyncio
import datetime as dt
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from redis.asyncio import Redis

from core.access import Action, User
from core.db import Database
from core.errors import Unavailable
from core.phrases import counted
from core.queries import feeds
from core.queues import jobs
from core.queues.enqueueing import Acceptance, offer
from core.recording import Face, recorded

# So many are on their way to Redis at once: enough to hide the round trip, few enough to leave connections to others.
AT_ONCE = 50


@dataclass(frozen=True)
class Crawls:
    """What became of a wish to crawl: how many feeds the queue accepted, or held already, and where."""

    states: Mapping[Acceptance, int] = field(default_factory=dict)
    # Due now, but Redis could not be told: the scheduler hands these over when it is back.
    postponed: int = 0

    @property
    def accepted(self) -> int:
        return self.states.get(Acceptance.ACCEPTED, 0)

    @property
    def feeds(self) -> int:
        return sum(self.states.values()) + self.postponed

    @property
    def sentence(self) -> str:
        """`82 feeds queued; 2 feeds waited already; 1 feed is being crawled right now.`"""
        parts = [
            f"{counted(number, 'feed')} {one if number == 1 else many}"
            for state, (one, many) in _WORDS.items()
            if (number := self.states.get(state, 0))
        ]
        if self.postponed:
            parts.append(f"{counted(self.postponed, 'feed')} will be queued when Redis is back")
        return "; ".join(parts) + "." if parts else "There is no enabled feed to crawl."


# One feed, several feeds.
_WORDS = {
    Acceptance.ACCEPTED: ("queued", "queued"),
    Acceptance.WAITING: ("waited already", "waited already"),
    Acceptance.DELAYED: ("waited for another attempt already", "waited for another attempt already"),
    Acceptance.RUNNING: ("is being crawled right now", "are being crawled right now"),
}


async def crawl_now(
    database: Database, redis: Redis, user: User | None, face: Face, ids: Sequence[uuid.UUID], *, now: dt.datetime
) -> Crawls:
    """Queues a crawl of those of the feeds that are enabled. Raises what `recorded` raises."""
    async with recorded(database, user, face, Action.CRAWL_FEED, counted(len(ids), "feed")) as recording:
        rows = await feeds.make_due(recording.session, now, ids)
        recording.details["feeds"] = [str(id_) for id_ in rows[:AT_ONCE]]
        recording.details["count"] = len(rows)
    return await queue(redis, rows)


async def crawl_all(database: Database, redis: Redis, user: User | None, face: Face, *, now: dt.datetime) -> Crawls:
    """Queues a crawl of every enabled feed. Raises what `recorded` raises."""
    async with recorded(database, user, face, Action.CRAWL_FEED, "all feeds") as recording:
        rows = await feeds.make_all_due(recording.session, now)
        recording.details["count"] = len(rows)
    return await queue(redis, rows)


async def queue(redis: Redis, ids: Sequence[uuid.UUID]) -> Crawls:
    """Offers the crawls of feeds that are due. With Redis away none is lost: what is due stays due."""
    states: Counter[Acceptance] = Counter()
    for start in range(0, len(ids), AT_ONCE):
        some = ids[start : start + AT_ONCE]
        try:
            states.update(
                await asyncio.gather(*(offer(redis, jobs.crawl_feed(id_), jobs.new_task_id()) for id_ in some))
            )
        except Unavailable:
            return Crawls(states, postponed=len(ids) - start)
    return Crawls(states)

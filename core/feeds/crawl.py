"""Crawling now instead of when it is due."""

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
from core.queues.enqueueing import Acceptance, offer_all
from core.recording import Face, recorded

# So many go to Redis in one round trip; Redis does nothing else meanwhile, so not more.
AT_ONCE = 200
# The record names this many feeds; all of them would make a row of a megabyte.
NAMED = 50


@dataclass(frozen=True)
class Crawls:
    """What became of a wish to crawl: how many feeds the queue accepted, or held already, and where."""

    states: Mapping[Acceptance, int] = field(default_factory=dict)
    # Due now, but Redis could not be told or had no room: the scheduler hands these over when it can.
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
        recording.details["feeds"] = [str(id_) for id_ in rows[:NAMED]]
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
        offers = [(jobs.crawl_feed(id_), jobs.new_task_id()) for id_ in ids[start : start + AT_ONCE]]
        try:
            answers = await offer_all(redis, offers)
        except Unavailable:
            break
        states.update(answer for answer in answers if isinstance(answer, Acceptance))
    return Crawls(states, postponed=len(ids) - states.total())

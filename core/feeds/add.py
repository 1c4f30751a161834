"""Adding feeds: one or thousands, each told what became of it."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession

from core.access import Action, User
from core.db import Database
from core.errors import BadRequest
from core.feeds.crawl import NAMED, Crawls, queue
from core.phrases import counted
from core.pipeline.addresses import feed_url, shown
from core.queries import feeds
from core.recording import Face, recorded

# As many as an OPML file holds that may be read; beyond it, one transaction would hold its rows for too long.
MOST = 10_000


@dataclass(frozen=True)
class Wanted:
    """An address as it was given, and the title that came with it."""

    url: str
    title: str = ""


@dataclass(frozen=True)
class Refused:
    """`given` is what was typed, `reason` a sentence."""

    given: str
    reason: str


@dataclass(frozen=True)
class Added:
    """What became of each address: added, there already (as addresses), or refused."""

    created: tuple[uuid.UUID, ...]
    present: tuple[str, ...]
    refused: tuple[Refused, ...]
    crawls: Crawls

    @property
    def sentence(self) -> str:
        """`82 feeds added and queued; 3 were there already; 2 refused.`"""
        new, present, refused = len(self.created), len(self.present), len(self.refused)
        if not new and not refused and present == 1:
            return f"{self.present[0]} is there already."
        queued = " and queued" if new and self.crawls.accepted == new else ""
        parts = [f"{counted(new, 'feed')} added{queued}" if new else "No feed added"]
        if present:
            parts.append(f"{present:,} {'was' if present == 1 else 'were'} there already")
        if refused:
            parts.append(f"{refused:,} refused")
        if self.crawls.postponed:
            parts.append("Redis cannot be reached, so they are crawled when it is back")
        return "; ".join(parts) + "."


async def add(
    database: Database, redis: Redis, user: User | None, face: Face, wanted: Sequence[Wanted], *, now: dt.datetime
) -> Added:
    """Adds the feeds that have an address to crawl, and queues their first crawl.

    `now` is when they were asked for. One bad address keeps no other from being added. Raises BadRequest with nothing
    to add or more than MOST, and what `recorded` raises.
    """
    if not wanted:
        raise BadRequest("There is no address in that.")
    if len(wanted) > MOST:
        raise BadRequest(f"That is {len(wanted):,} addresses; {MOST:,} can be added at once.")
    good, refused = sorted_out(wanted)
    target = shown(good[0].url) if len(good) == 1 else counted(len(good), "feed")
    async with recorded(database, user, face, Action.EDIT_FEEDS, target, verb="add") as recording:
        created, present = await _store(recording.session, good)
        recording.details |= {
            "urls": [shown(feed.url) for feed in good[:NAMED]],
            "added": len(created),
            "present": len(present),
            "refused": len(refused),
        }
    return Added(created, present, refused, await queue(redis, created))


def sorted_out(wanted: Sequence[Wanted]) -> tuple[tuple[Wanted, ...], tuple[Refused, ...]]:
    """Those that can be crawled, each address once and as it is stored, and the others with the reason."""
    good: dict[str, Wanted] = {}
    refused = []
    for one in wanted:
        try:
            url = feed_url(one.url)
        except BadRequest as error:
            refused.append(Refused(one.url, str(error)))
        else:
            good.setdefault(url, Wanted(url, one.title))
    return tuple(good.values()), tuple(refused)


async def _store(session: AsyncSession, good: Sequence[Wanted]) -> tuple[tuple[uuid.UUID, ...], tuple[str, ...]]:
    created, present = [], []
    for feed in good:
        stored = await feeds.add(session, feed.url, title=feed.title)
        if stored.created:
            created.append(stored.id)
        else:
            present.append(shown(feed.url))
    return tuple(created), tuple(present)

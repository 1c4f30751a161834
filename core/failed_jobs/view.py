"""What a page of failed jobs shows, read at one moment."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.db import Database
from core.failed_jobs.filter import Filter
from core.failed_jobs.narrowing import narrowed
from core.failed_jobs.subjects import About, subjects
from core.queries import failed_groups, failed_list, failed_show, failure_tallies
from core.queries.count import Count
from core.queries.failed_groups import FailedGroup
from core.queries.failed_list import FailedCursor, FailedPage, Settled
from core.queries.failed_show import FailedJobStory

# More causes than one looks through; the list can be narrowed to any of them.
GROUPS = 20
# As far back as the small chart of a cause goes.
HOURS = dt.timedelta(hours=24)


@dataclass(frozen=True)
class Seen:
    """What the reader has before their eyes. `top` is the first row of a first page; `rows` are all of them."""

    rows: Sequence[uuid.UUID] = ()
    top: FailedCursor | None = None


@dataclass(frozen=True)
class Story:
    """A job, and what it is about."""

    job: FailedJobStory
    about: About | None


@dataclass(frozen=True)
class View:
    """`settled` tells how the rows that were seen stand now, `newer` how many came above them."""

    page: FailedPage
    about: Mapping[uuid.UUID, About]
    count: Count
    groups: tuple[FailedGroup, ...]
    hours: Mapping[str, Mapping[dt.datetime, int]]
    settled: Mapping[uuid.UUID, Settled]
    newer: Count


async def view(
    database: Database, chosen: Filter, *, after: FailedCursor | None, limit: int, seen: Seen, now: dt.datetime
) -> View:
    """A page of the jobs that match, with the largest causes of all. Raises DatabaseUnavailable."""
    async with database.session() as session:
        chosen = await narrowed(session, chosen)
        page = await failed_list.page(session, chosen, after=after, limit=limit)
        groups = await failed_groups.largest(session, GROUPS) if chosen.state == "open" else ()
        causes = [group.fingerprint for group in groups]
        return View(
            page=page,
            about=await subjects(session, page.rows),
            count=await failed_list.count(session, chosen),
            groups=groups,
            hours=await failure_tallies.hours(session, causes, now - HOURS) if causes else {},
            settled=await failed_list.settled(session, seen.rows) if seen.rows else {},
            newer=await failed_list.newer(session, chosen, seen.top) if seen.top else Count(0),
        )


async def story(database: Database, job: uuid.UUID) -> Story:
    """Raises NotFound and DatabaseUnavailable."""
    async with database.session() as session:
        found = await failed_show.get(session, job)
        return Story(found, (await subjects(session, [found])).get(job))

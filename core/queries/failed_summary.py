"""How many jobs gave up, and why: what the overview and the badge show."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from core.queries.count import Count

# With more open failures than this the newest speak for all: every two seconds nobody may count a million rows.
NEWEST = 5_000
GROUPS = 3


@dataclass(frozen=True)
class FailedGroup:
    """Jobs that failed for one cause: same exception, message and place in our code."""

    fingerprint: str
    exception: str
    message: str
    tasks: tuple[str, ...]
    count: int
    first_seen: dt.datetime
    last_seen: dt.datetime


@dataclass(frozen=True)
class FailedSummary:
    """`open` waits for a person; `causes` and `groups` (the largest) are those of the newest NEWEST."""

    open: Count
    causes: int
    groups: tuple[FailedGroup, ...]


async def read(session: AsyncSession) -> FailedSummary:
    rows = (
        await session.execute(
            text(
                """
                with newest as (
                    select fingerprint, exception, message, task, first_failed_at, last_failed_at
                      from failed_jobs where state = 'open' order by last_failed_at desc, id desc limit :cap
                )
                select fingerprint, (array_agg(exception))[1], (array_agg(message))[1], array_agg(distinct task),
                       count(*), min(first_failed_at), max(last_failed_at),
                       sum(count(*)) over (), count(*) over ()
                  from newest group by fingerprint order by count(*) desc, max(last_failed_at) desc limit :groups
                """
            ),
            {"cap": NEWEST + 1, "groups": GROUPS},
        )
    ).all()
    if not rows:
        return FailedSummary(Count(0), 0, ())
    groups = tuple(FailedGroup(row[0], row[1], row[2], tuple(row[3]), *row[4:7]) for row in rows)
    return FailedSummary(Count.capped(int(rows[0][7]), NEWEST), rows[0][8], groups)

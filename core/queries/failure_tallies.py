"""Reading the counts that the trigger on failed_jobs keeps: what was added up, and what is still to be."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from core.failed_jobs.filter import Counted
from core.queries.count import Count

# More causes than this are not counted, only said to be more.
MOST_CAUSES = 1_000


@dataclass(frozen=True)
class Tally:
    """So many open jobs have this task, queue or cause."""

    name: str
    number: int


@dataclass(frozen=True)
class Outcomes:
    """What became of the jobs that one action retried, so far."""

    succeeded: int
    failed_again: int


async def number(session: AsyncSession, kind: str, name: str) -> int:
    """One count, exactly."""
    said = {"kind": kind, "name": name}
    return int((await session.execute(_NUMBER, said)).scalar_one())


_NUMBER = text(
    """
    select coalesce((select number from failure_tallies where kind = :kind and name = :name and hour = 'epoch'), 0)
         + coalesce((select sum(number) from failure_tally_changes
                      where kind = :kind and name = :name and hour = 'epoch'), 0)
    """
)


async def largest(session: AsyncSession, kind: Counted, limit: int) -> tuple[Tally, ...]:
    """Those with the most open jobs, the largest first. Exact: what was changed and not added up yet is among them."""
    found = await session.execute(text(_LARGEST.format(kind=kind)), {"limit": limit})
    return tuple(Tally(name, int(number)) for name, number in found)


# The kind stands in the text so that the partial index serves; changes not added up yet are a handful at any time.
_LARGEST = """
    with changed as (
        select name, sum(number) as number from failure_tally_changes where kind = '{kind}' group by name
    ), top as (
        (select name, number from failure_tallies
          where kind = '{kind}' and number > 0 order by number desc, name limit :limit + (select count(*) from changed))
        union
        select t.name, t.number from failure_tallies t join changed c on c.name = t.name
         where t.kind = '{kind}' and t.hour = 'epoch'
    )
    select top.name, (top.number + coalesce(changed.number, 0))::bigint as number
      from top left join changed using (name)
     where top.number + coalesce(changed.number, 0) > 0
     order by 2 desc, 1 limit :limit
"""


async def causes(session: AsyncSession) -> Count:
    """How many causes have open jobs."""
    found = (await session.execute(_CAUSES, {"most": MOST_CAUSES + 1})).scalar_one()
    return Count.capped(found, MOST_CAUSES)


# A cause that came or went in this instant may be missed until its change is added up.
_CAUSES = text(
    "select count(*) from (select from failure_tallies where kind = 'cause' and number > 0 limit :most) as found"
)


async def hours(
    session: AsyncSession, fingerprints: Sequence[str], since: dt.datetime
) -> dict[str, dict[dt.datetime, int]]:
    """Failures an hour of each of these causes; hours without any are left out."""
    found: dict[str, dict[dt.datetime, int]] = {}
    rows = await session.execute(_HOURS, {"names": list(fingerprints), "since": since})
    for name, hour, failures in rows:
        found.setdefault(name, {})[hour] = int(failures)
    return found


_HOURS = text(
    """
    select name, hour, sum(number) from (
        select name, hour, number from failure_tallies
         where kind = 'hour' and name = any(:names) and hour >= :since
        union all
        select name, hour, number from failure_tally_changes
         where kind = 'hour' and name = any(:names) and hour >= :since
    ) as parts group by name, hour
    """
)


async def outcomes(session: AsyncSession, actions: Sequence[uuid.UUID]) -> dict[uuid.UUID, Outcomes]:
    """Of each of these actions; of one that retried nothing, or of which nothing is known yet, noughts."""
    counts: dict[tuple[str, str], int] = {}
    for kind, name, found in await session.execute(_OUTCOMES, {"names": [str(id_) for id_ in actions]}):
        counts[kind, name] = int(found)
    return {
        id_: Outcomes(counts.get(("succeeded", str(id_)), 0), counts.get(("failed again", str(id_)), 0))
        for id_ in actions
    }


_OUTCOMES = text(
    """
    select kind, name, sum(number) from (
        select kind, name, number from failure_tallies
         where kind in ('succeeded', 'failed again') and name = any(:names)
        union all
        select kind, name, number from failure_tally_changes
         where kind in ('succeeded', 'failed again') and name = any(:names)
    ) as parts group by kind, name
    """
)

"""Failed jobs by key: pages, counts and ids of those that match a filter.

An index leads through one part of a filter; what no index serves (text, a second part) is looked for in the next
WINDOW rows of it only, and the answer says so, with the place to go on from. A million rows cost no more than a
thousand.
"""

import datetime as dt
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Text, TextClause, and_, cast, func, or_, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from core.failed_jobs.filter import STATES, Filter, State
from core.models import FailedJob
from core.queries import failure_tallies
from core.queries.count import Count
from core.queries.failed_show import shown

# So many rows are looked through for what no index knows: about 50 ms.
WINDOW = 20_000
# Where no tally tells, counting stops here.
MOST_COUNTED = 10_000


@dataclass(frozen=True)
class FailedRow:
    """One failed job as lists show it, without secrets. `attempts` counts those that are kept."""

    id: uuid.UUID
    task_id: str
    task: str
    queue: str
    args: list[Any]
    kwargs: dict[str, Any]
    exception: str
    message: str
    fingerprint: str
    reason: str
    attempts: int
    first_failed_at: dt.datetime
    last_failed_at: dt.datetime
    state: str
    resolved_at: dt.datetime | None
    resolved_by: str | None


class FailedCursor(NamedTuple):
    """Where a page ended."""

    at: dt.datetime
    id: uuid.UUID


@dataclass(frozen=True)
class FailedPage:
    """`next` leads to the rows after these; `searched`: only so many were looked through, and there are more."""

    rows: tuple[FailedRow, ...]
    next: FailedCursor | None
    searched: int | None


@dataclass(frozen=True)
class Share:
    """So many of the jobs have this cause."""

    fingerprint: str
    exception: str
    task: str
    number: int


@dataclass(frozen=True)
class Settled:
    """What has become of a row that someone is looking at."""

    state: str
    resolved_at: dt.datetime | None
    resolved_by: str | None
    last_failed_at: dt.datetime


async def page(session: AsyncSession, chosen: Filter, *, after: FailedCursor | None = None, limit: int) -> FailedPage:
    """The newest first."""
    leading = led_by(chosen)
    if after is not None:
        leading = and_(leading, tuple_(FailedJob.last_failed_at, FailedJob.id) < tuple_(after.at, after.id))
    rest = looked_at(chosen)
    seen = _window(leading, limit + 1 if rest is None else WINDOW)
    query = select(*_columns(seen)).order_by(seen.last_failed_at.desc(), seen.id.desc()).limit(limit + 1)
    found = tuple(FailedRow(**shown(row)) for row in await session.execute(query.where(*_conditions(rest, seen))))
    rows = found[:limit]
    if len(found) > limit:
        return FailedPage(rows, FailedCursor(rows[-1].last_failed_at, rows[-1].id), None)
    end = None if rest is None else await _end_of_window(session, leading)
    return FailedPage(rows, end, None if end is None else WINDOW)


async def count(session: AsyncSession, chosen: Filter) -> Count:
    """How many match: exact for one task, queue or cause; else as far as MOST_COUNTED or the window reaches."""
    if chosen.only is not None:
        return Count(await failure_tallies.number(session, *chosen.only))
    leading, rest = led_by(chosen), looked_at(chosen)
    if rest is None:
        within = select(FailedJob.id).where(leading).order_by(*_NEWEST).limit(MOST_COUNTED + 1).subquery()
        found = (await session.execute(select(func.count()).select_from(within))).scalar_one()
        return Count.capped(found, MOST_COUNTED)
    seen = _window(leading, WINDOW)
    found = (await session.execute(select(func.count(seen.id)).where(*_conditions(rest, seen)))).scalar_one()
    return Count(found, exact=await _end_of_window(session, leading) is None)


async def newer(session: AsyncSession, chosen: Filter, than: FailedCursor | None, *, most: int = 99) -> Count:
    """How many came since the row that is shown first; `than` is None when none is."""
    leading = led_by(chosen)
    if than is not None:
        leading = and_(leading, tuple_(FailedJob.last_failed_at, FailedJob.id) > tuple_(than.at, than.id))
    seen = _window(leading, most + 1)
    query = select(func.count(seen.id)).where(*_conditions(looked_at(chosen), seen))
    return Count.capped((await session.execute(query)).scalar_one(), most)


async def shares(session: AsyncSession, chosen: Filter, most: int = 5) -> tuple[Share, ...]:
    """The largest causes among the newest jobs that match, as far as they are counted."""
    rest = looked_at(chosen)
    seen = _window(led_by(chosen), MOST_COUNTED if rest is None else WINDOW)
    cause = (seen.fingerprint, seen.exception, seen.task)
    query = select(*cause, func.count()).where(*_conditions(rest, seen)).group_by(*cause)
    return tuple(Share(*row) for row in await session.execute(query.order_by(func.count().desc()).limit(most)))


async def span(session: AsyncSession, chosen: Filter) -> tuple[dt.datetime, dt.datetime] | None:
    """When the first and the last of those failed that an index leads to; None when there is none."""
    at = select(FailedJob.last_failed_at).where(led_by(chosen)).limit(1)
    oldest = (await session.execute(at.order_by(FailedJob.last_failed_at, FailedJob.id))).scalar_one_or_none()
    newest = (await session.execute(at.order_by(*_NEWEST))).scalar_one_or_none()
    return None if oldest is None or newest is None else (oldest, newest)


async def settled(session: AsyncSession, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Settled]:
    """How these rows stand now; one that is gone is missing."""
    rows = await session.execute(
        select(
            FailedJob.id,
            FailedJob.state,
            FailedJob.resolved_at,
            FailedJob.resolved_by,
            FailedJob.last_failed_at,
        ).where(FailedJob.id.in_(list(ids)))
    )
    return {row[0]: Settled(*row[1:]) for row in rows}


async def identified(session: AsyncSession, words: str, keys: Sequence[str]) -> tuple[uuid.UUID, ...]:
    """Ids of the jobs whose id or task id `words` is, or whose key is one of `keys`: they are found wherever they are.

    At most 50, the last to fail first.
    """
    by_id = [FailedJob.id == uuid.UUID(words)] if _is_uuid(words) else []
    ways = [FailedJob.task_id == words, and_(FailedJob.job_key.in_(list(keys)), _LIVE), *by_id]
    query = select(FailedJob.id).where(or_(*ways)).order_by(FailedJob.last_failed_at.desc()).limit(50)
    return tuple((await session.execute(query)).scalars())


def led_by(chosen: Filter) -> ColumnElement[bool]:
    """What an index leads through by (last_failed_at, id)."""
    # Written out: with a parameter in its place, a prepared statement cannot use a partial index.
    conditions: list[ColumnElement[bool] | TextClause] = [_IN_STATE[chosen.state]]
    if chosen.ids:
        conditions.append(FailedJob.id.in_(list(chosen.ids)))
    elif narrowest := _parts(chosen)[:1]:
        column, value = narrowest[0]
        conditions.append(getattr(FailedJob, column) == value)
    if chosen.since is not None:
        conditions.append(FailedJob.last_failed_at >= chosen.since)
    return and_(*conditions)


def looked_at(chosen: Filter) -> Callable[[type[FailedJob]], ColumnElement[bool]] | None:
    """What no index serves, as a condition on rows that were found otherwise; None when there is no such thing."""
    exact = _parts(chosen) if chosen.ids else _parts(chosen)[1:]
    if not exact and not chosen.text:
        return None

    def condition(seen: type[FailedJob]) -> ColumnElement[bool]:
        said = [getattr(seen, column) == value for column, value in exact]
        if chosen.text:
            texts = (seen.exception, seen.message, seen.job_key, cast(seen.args, Text))
            said.append(or_(*(each.icontains(chosen.text, autoescape=True) for each in texts)))
        return and_(*said)

    return condition


def _parts(chosen: Filter) -> list[tuple[str, object]]:
    """What has to be equal to something, the narrowest first."""
    exact = (
        ("action_id", chosen.action),
        ("fingerprint", chosen.cause),
        ("task", chosen.task),
        ("queue", chosen.queue),
    )
    return [(column, value) for column, value in exact if value]


def _window(leading: ColumnElement[bool], size: int) -> type[FailedJob]:
    """The first `size` rows that an index leads to, to be looked through."""
    return aliased(FailedJob, select(FailedJob).where(leading).order_by(*_NEWEST).limit(size).subquery())


def _conditions(
    rest: Callable[[type[FailedJob]], ColumnElement[bool]] | None, seen: type[FailedJob]
) -> tuple[ColumnElement[bool], ...]:
    return () if rest is None else (rest(seen),)


def _columns(seen: type[FailedJob]) -> list[ColumnElement[Any]]:
    names = (name for name in FailedRow.__dataclass_fields__ if name != "attempts")
    return [*(getattr(seen, name) for name in names), func.jsonb_array_length(seen.attempts).label("attempts")]


async def _end_of_window(session: AsyncSession, leading: ColumnElement[bool]) -> FailedCursor | None:
    """The last row of a window, if there are more after it."""
    query = select(FailedJob.last_failed_at, FailedJob.id).where(leading).order_by(*_NEWEST).offset(WINDOW - 1).limit(2)
    found = (await session.execute(query)).all()
    return FailedCursor(*found[0]) if len(found) > 1 else None


def _is_uuid(words: str) -> bool:
    try:
        uuid.UUID(words)
    except ValueError:
        return False
    return True


_NEWEST = (FailedJob.last_failed_at.desc(), FailedJob.id.desc())
_LIVE = text("failed_jobs.state in ('open', 'retried')")
_IN_STATE: dict[State, TextClause] = {state: text(f"failed_jobs.state = '{state}'") for state in STATES}

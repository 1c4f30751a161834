"""The record of actions. Rows are only ever added.

An index leads through one part of a filter by (at, id); what no index serves (text, a second part) is looked for in the
next WINDOW rows of it only, and the answer says so, with the place to go on from.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Text, and_, cast, func, insert, or_, select, text, true, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from core.models import Record
from core.queries.count import Count
from core.queries.serial import Serial

# So many rows are looked through for what no index knows: some tens of milliseconds.
WINDOW = 20_000
# Where counting stops.
MOST_COUNTED = 10_000

# On a standby every transaction is read-only.
WRITABLE = text("select has_table_privilege('records', 'insert') and current_setting('transaction_read_only') = 'off'")
# Each name by one step of an index, however many rows it has.
ACTORS = text("""
    with recursive actors as (
        (select actor from records order by actor limit 1)
        union all
        select (select r.actor from records r where r.actor > a.actor order by r.actor limit 1)
          from actors a where a.actor is not null
    )
    select actor from actors where actor is not null limit :most
""")


async def writable(session: AsyncSession) -> bool:
    """Whether a row could be added now: a standby or a role without the right cannot."""
    return bool((await session.execute(WRITABLE)).scalar_one())


async def add(
    session: AsyncSession,
    *,
    actor: str,
    address: str | None,
    face: str,
    action: str,
    target: str,
    outcome: str,
    details: dict[str, Any],
) -> None:
    """One row, at the database's own time."""
    await session.execute(
        insert(Record).values(
            actor=actor, address=address, face=face, action=action, target=target, outcome=outcome, details=details
        )
    )


@dataclass(frozen=True)
class RecordFilter:
    """Every part narrows it; an empty one says nothing.

    `since` is the first moment that is meant, `until` the first that is not. `text` is looked for in the target, the
    details, the address and the name.
    """

    actor: str = ""
    action: str = ""
    outcome: str = ""
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    text: str = ""


@dataclass(frozen=True)
class RecordRow:
    """One action: who, from where, what, to what, and how it went."""

    id: int
    at: dt.datetime
    actor: str
    address: str | None
    face: str
    action: str
    target: str
    outcome: str
    details: dict[str, Any]


class RecordCursor(NamedTuple):
    """Where a page ended."""

    at: dt.datetime
    id: Serial


@dataclass(frozen=True)
class RecordPage:
    """Actions, the latest first. `next` leads to older ones; `searched`: only so many were looked through, and there
    are more."""

    rows: tuple[RecordRow, ...]
    next: RecordCursor | None
    searched: int | None


async def page(
    session: AsyncSession, chosen: RecordFilter, *, after: RecordCursor | None = None, limit: int = 100
) -> RecordPage:
    """The latest first. `at` is when an action began: one that takes long stands where it began."""
    leading = _led_by(chosen)
    if after is not None:
        leading = and_(leading, tuple_(Record.at, Record.id) < tuple_(after.at, after.id))
    rest = _is_looked_through(chosen)
    seen = _window(leading, WINDOW if rest else limit + 1)
    query = select(*(getattr(seen, name) for name in RecordRow.__dataclass_fields__)).where(_rest(chosen, seen))
    found = await session.execute(query.order_by(seen.at.desc(), seen.id.desc()).limit(limit + 1))
    rows = tuple(RecordRow(**row._mapping) for row in found)
    if len(rows) > limit:
        return RecordPage(rows[:limit], RecordCursor(rows[limit - 1].at, rows[limit - 1].id), None)
    end = await _end_of_window(session, leading) if rest else None
    return RecordPage(rows, end, None if end is None else WINDOW)


async def count(session: AsyncSession, chosen: RecordFilter) -> Count:
    """How many match, as far as MOST_COUNTED or the window reaches."""
    leading, rest = _led_by(chosen), _is_looked_through(chosen)
    seen = _window(leading, WINDOW if rest else MOST_COUNTED + 1)
    found = (await session.execute(select(func.count(seen.id)).where(_rest(chosen, seen)))).scalar_one()
    if rest:
        return Count(found, exact=await _end_of_window(session, leading) is None)
    return Count.capped(found, MOST_COUNTED)


async def newest(session: AsyncSession) -> int:
    """The id of the row that was added last; 0 when there is none."""
    found = await session.execute(select(Record.id).order_by(Record.id.desc()).limit(1))
    return found.scalar_one_or_none() or 0


async def newer(session: AsyncSession, chosen: RecordFilter, than: int, *, most: int = 99) -> Count:
    """How many that match were added after the row `than`."""
    added = aliased(Record, select(Record).where(Record.id > than).order_by(Record.id).limit(WINDOW).subquery())
    matching = select(added.id).where(_led_by(chosen, added), _rest(chosen, added)).limit(most + 1).subquery()
    return Count.capped((await session.execute(select(func.count()).select_from(matching))).scalar_one(), most)


async def actors(session: AsyncSession, most: int) -> tuple[str, ...]:
    """Everyone who stands in the record, by name."""
    return tuple((await session.execute(ACTORS, {"most": most})).scalars())


def _equal(chosen: RecordFilter) -> list[tuple[str, str]]:
    """What has to be equal to something, the narrowest first."""
    exact = (("actor", chosen.actor), ("action", chosen.action), ("outcome", chosen.outcome))
    return [(column, value) for column, value in exact if value]


def _led_by(chosen: RecordFilter, of: type[Record] = Record) -> ColumnElement[bool]:
    """What an index leads through by (at, id)."""
    conditions: list[ColumnElement[bool]] = [getattr(of, name) == value for name, value in _equal(chosen)[:1]]
    if chosen.since is not None:
        conditions.append(of.at >= chosen.since)
    if chosen.until is not None:
        conditions.append(of.at < chosen.until)
    return and_(true(), *conditions)


def _is_looked_through(chosen: RecordFilter) -> bool:
    return bool(_equal(chosen)[1:] or chosen.text)


def _rest(chosen: RecordFilter, seen: type[Record]) -> ColumnElement[bool]:
    """What no index serves, as a condition on rows that were found otherwise."""
    conditions: list[ColumnElement[bool]] = [getattr(seen, name) == value for name, value in _equal(chosen)[1:]]
    if chosen.text:
        texts = (seen.target, seen.address, seen.actor, cast(seen.details, Text))
        conditions.append(or_(*(each.icontains(chosen.text, autoescape=True) for each in texts)))
    return and_(true(), *conditions)


def _window(leading: ColumnElement[bool], size: int) -> type[Record]:
    """The first `size` rows that an index leads to, to be looked through."""
    return aliased(Record, select(Record).where(leading).order_by(*_LATEST).limit(size).subquery())


async def _end_of_window(session: AsyncSession, leading: ColumnElement[bool]) -> RecordCursor | None:
    """The last row of a window, if there are more after it."""
    query = select(Record.at, Record.id).where(leading).order_by(*_LATEST).offset(WINDOW - 1).limit(2)
    found = (await session.execute(query)).all()
    return RecordCursor(*found[0]) if len(found) > 1 else None


_LATEST = (Record.at.desc(), Record.id.desc())

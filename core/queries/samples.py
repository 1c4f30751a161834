"""History for the charts."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.models import Sample


@dataclass(frozen=True)
class SamplePoint:
    """One tick: `values` maps series to number; a series that could not be read is absent."""

    at: dt.datetime
    values: Mapping[str, float]


async def store(session: AsyncSession, at: dt.datetime, values: Mapping[str, float]) -> None:
    """Adds one tick; a second scheduler that sampled at the same instant changes nothing."""
    await session.execute(insert(Sample).values(at=at, values=dict(values)).on_conflict_do_nothing())


async def since(session: AsyncSession, after: dt.datetime, limit: int = 1000) -> tuple[SamplePoint, ...]:
    """Ticks later than `after`, oldest first, `limit` at most (the newest ones)."""
    newest = select(Sample.at, Sample.values).where(Sample.at > after).order_by(Sample.at.desc()).limit(limit)
    rows = (await session.execute(newest)).all()
    return tuple(SamplePoint(at, values) for at, values in reversed(rows))


async def before(session: AsyncSession, at: dt.datetime) -> SamplePoint | None:
    """The last tick that is not later than `at`; None when there is none."""
    query = select(Sample.at, Sample.values).where(Sample.at <= at).order_by(Sample.at.desc()).limit(1)
    row = (await session.execute(query)).one_or_none()
    return None if row is None else SamplePoint(row[0], row[1])


async def prune(session: AsyncSession, before: dt.datetime) -> None:
    await session.execute(delete(Sample).where(Sample.at < before))

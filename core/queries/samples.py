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


async def prune(session: AsyncSession, before: dt.datetime) -> None:
    await session.execute(delete(Sample).where(Sample.at < before))

"""Recall and latency of the vector index over time."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.models import IndexMeasurement


@dataclass(frozen=True)
class Measurement:
    """One measurement; see core.models.index_measurement for what each field means."""

    at: dt.datetime
    reason: str
    index_name: str
    mark: int | None
    shape: str
    model: str
    rows: int
    size: int
    setting: str
    value: int
    sample: int
    recall: float
    recall_low: float
    recall_high: float
    p50_ms: float
    p95_ms: float
    exact_p50_ms: float
    exact_p95_ms: float
    seconds: float


_COLUMNS = [getattr(IndexMeasurement, name) for name in Measurement.__dataclass_fields__]


async def add(session: AsyncSession, **values: Any) -> None:
    await session.execute(insert(IndexMeasurement).values(**values))


async def latest(session: AsyncSession, index_name: str, mark: int | None) -> Measurement | None:
    """The newest one of that very build."""
    query = (
        select(*_COLUMNS)
        .where(IndexMeasurement.index_name == index_name, IndexMeasurement.mark.is_not_distinct_from(mark))
        .order_by(IndexMeasurement.at.desc())
        .limit(1)
    )
    row = (await session.execute(query)).one_or_none()
    return None if row is None else Measurement(*row)


async def over(session: AsyncSession, window: dt.timedelta, limit: int = 500) -> tuple[Measurement, ...]:
    """Those of the serving index, whatever build it was then, oldest first; the newest `limit` at most."""
    newest = (
        select(*_COLUMNS)
        .where(IndexMeasurement.at >= func.now() - window)
        .order_by(IndexMeasurement.at.desc())
        .limit(limit)
    )
    return tuple(Measurement(*row) for row in reversed((await session.execute(newest)).all()))

"""The log of an operation."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.models import OperationLine

Level = Literal["info", "warning", "error"]


@dataclass(frozen=True)
class Line:
    id: int
    at: dt.datetime
    level: Level
    text: str


async def add(session: AsyncSession, operation_id: uuid.UUID, lines: Sequence[tuple[Level, str]]) -> None:
    """Appends lines."""
    rows = [{"operation_id": operation_id, "level": level, "text": words} for level, words in lines]
    if rows:
        await session.execute(insert(OperationLine), rows)


async def since(session: AsyncSession, operation_id: uuid.UUID, after: int = 0, limit: int = 500) -> tuple[Line, ...]:
    """Up to `limit` lines later than the one with the id `after`, oldest first (the newest, if there are more)."""
    newest = (
        select(OperationLine.id, OperationLine.at, OperationLine.level, OperationLine.text)
        .where(OperationLine.operation_id == operation_id, OperationLine.id > after)
        .order_by(OperationLine.id.desc())
        .limit(limit)
    )
    return tuple(Line(**row) for row in reversed((await session.execute(newest)).mappings().all()))

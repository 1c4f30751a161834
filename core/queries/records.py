"""The record of actions. Rows are only ever added."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from core.models import Record

# On a standby every transaction is read-only.
WRITABLE = text("select has_table_privilege('records', 'insert') and current_setting('transaction_read_only') = 'off'")


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


@dataclass(frozen=True)
class RecordPage:
    """Actions, the latest first. `next`: hand it to `page` for older ones; None: these were the oldest."""

    rows: tuple[RecordRow, ...]
    next: int | None


async def page(session: AsyncSession, *, before: int | None = None, limit: int = 100) -> RecordPage:
    query = select(*(getattr(Record, name) for name in RecordRow.__dataclass_fields__)).order_by(Record.id.desc())
    if before is not None:
        query = query.where(Record.id < before)
    rows = tuple(RecordRow(**row._mapping) for row in await session.execute(query.limit(limit + 1)))
    return RecordPage(rows[:limit], rows[limit - 1].id if len(rows) > limit else None)

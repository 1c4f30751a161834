"""The record of actions. Rows are only ever added."""

from typing import Any

from sqlalchemy import insert, text
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

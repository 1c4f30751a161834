"""Jobs that were promised in a transaction and are still to be handed to Redis."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.models import OutboxJob


@dataclass(frozen=True)
class PromisedJob:
    """One row; see OutboxJob."""

    id: int
    task_id: str
    task: str
    args: Sequence[Any]
    queue: str
    job_key: str | None


async def add(
    session: AsyncSession, *, task_id: str, task: str, args: Sequence[Any], queue: str, job_key: str | None
) -> None:
    await session.execute(
        insert(OutboxJob).values(task_id=task_id, task=task, args=list(args), queue=queue, job_key=job_key)
    )


async def claim(session: AsyncSession, limit: int) -> tuple[PromisedJob, ...]:
    """The oldest rows that nobody else is handing over just now, locked until the transaction ends."""
    rows = await session.execute(
        select(
            OutboxJob.id,
            OutboxJob.task_id,
            OutboxJob.task,
            OutboxJob.args,
            OutboxJob.queue,
            OutboxJob.job_key,
        )
        .order_by(OutboxJob.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return tuple(PromisedJob(**row._mapping) for row in rows)


async def remove(session: AsyncSession, ids: Sequence[int]) -> None:
    await session.execute(delete(OutboxJob).where(OutboxJob.id.in_(ids)))

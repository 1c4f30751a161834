"""Jobs that were promised in a transaction and are still to be handed to Redis."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ARRAY, BigInteger, any_, bindparam, delete, literal, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from core.models import OutboxJob


@dataclass(frozen=True)
class PromisedJob:
    """What was promised; see OutboxJob."""

    task_id: str
    task: str
    args: Sequence[Any]
    kwargs: dict[str, Any]
    labels: dict[str, Any]
    queue: str
    job_key: str | None


@dataclass(frozen=True)
class StoredPromise:
    """One row."""

    id: int
    job: PromisedJob


async def add(session: AsyncSession, jobs: Sequence[PromisedJob]) -> None:
    """In this order."""
    if jobs:
        rows = [{**vars(job), "args": list(job.args)} for job in jobs]
        await session.execute(_ADD, {"jobs": rows})


# One statement for all of them: a statement for each costs as much as everything else about a bulk retry.
_ADD = text(
    """
    insert into outbox (task_id, task, args, kwargs, labels, queue, job_key)
    select task_id, task, args, kwargs, labels, queue, job_key
      from rows from (jsonb_to_recordset(:jobs) as (
               task_id text, task text, args jsonb, kwargs jsonb, labels jsonb, queue text, job_key text
           )) with ordinality as job (task_id, task, args, kwargs, labels, queue, job_key, place)
     order by place
    """
).bindparams(bindparam("jobs", type_=JSONB))


async def claim(session: AsyncSession, after: int, limit: int) -> tuple[StoredPromise, ...]:
    """The first rows after the row `after` that nobody else is handing over, locked until the transaction ends."""
    names = tuple(PromisedJob.__dataclass_fields__)
    rows = await session.execute(
        select(OutboxJob.id, *(getattr(OutboxJob, name) for name in names))
        .where(OutboxJob.id > after)
        .order_by(OutboxJob.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return tuple(StoredPromise(row[0], PromisedJob(*row[1:])) for row in rows)


async def remove(session: AsyncSession, ids: Sequence[int]) -> None:
    if ids:
        gone = delete(OutboxJob).where(OutboxJob.id == any_(literal(list(ids), ARRAY(BigInteger))))
        await session.execute(gone, execution_options={"synchronize_session": False})

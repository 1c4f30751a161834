"""Retried jobs that have not ended."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import CursorResult, exists, func, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.models import FailedJob, OutboxJob
from core.queries.failed_list import FailedCursor


@dataclass(frozen=True)
class RetriedJob:
    """`key` is the one that it was sent with."""

    id: uuid.UUID
    queue: str
    key: str
    last_failed_at: dt.datetime


async def retried(
    session: AsyncSession, *, before: dt.datetime, after: FailedCursor | None, limit: int
) -> tuple[RetriedJob, ...]:
    """Those that were retried before that, in pages by key. What is still to be handed to Redis is not lost."""
    key = func.coalesce(FailedJob.labels["job_key"].astext, FailedJob.job_key)
    query = (
        select(FailedJob.id, FailedJob.queue, key, FailedJob.last_failed_at)
        .where(_RETRIED, FailedJob.resolved_at < before, ~exists().where(OutboxJob.job_key == key))
        .order_by(FailedJob.last_failed_at, FailedJob.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(tuple_(FailedJob.last_failed_at, FailedJob.id) > tuple_(after.at, after.id))
    return tuple(RetriedJob(*row) for row in await session.execute(query))


async def reopen(session: AsyncSession, ids: Sequence[uuid.UUID], *, before: dt.datetime, reason: str) -> int:
    """Puts those back into the list that are what they were. Returns how many."""
    done = await session.execute(
        update(FailedJob)
        .where(FailedJob.id.in_(list(ids)), _RETRIED, FailedJob.resolved_at < before)
        .values(state="open", reason=reason, resolved_at=None, resolved_by=None)
        .execution_options(synchronize_session=False)
    )
    return cast("CursorResult[Any]", done).rowcount


_RETRIED = text("failed_jobs.state = 'retried'")

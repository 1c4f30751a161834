"""The rows of jobs that gave up."""

import uuid
from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import CursorResult, Table, func, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.dml import ReturningInsert

from core.failed_jobs.failure import Failure
from core.failed_jobs.storable import storable, storable_key, storable_text
from core.models import FailedJob

# A job that fails every few minutes for weeks keeps its newest attempts only.
ATTEMPTS_KEPT = 20
# Written out: with a parameter in its place, a prepared statement cannot use the partial index.
_LIVE = text("state in ('open', 'retried')")


async def record(session: AsyncSession, failure: Failure) -> uuid.UUID:
    """Stores a failure: a new open row, or one more chapter of the job's living one, which is open again if it was
    retried. Returns its id.

    Counts per cause, task and queue follow by themselves: a trigger keeps them.
    """
    last = failure.attempts[-1] if failure.attempts else None
    row = {
        "task_id": storable_text(failure.task_id),
        "job_key": storable_key(failure.key),
        "task": storable_text(failure.task),
        "queue": failure.queue,
        "args": storable(failure.args),
        "kwargs": storable(dict(failure.kwargs)),
        "labels": storable(dict(failure.labels)),
        "attempts": [storable(attempt.as_json()) for attempt in failure.attempts],
        "exception": storable_text(failure.exception),
        "message": storable_text(failure.message),
        "fingerprint": failure.fingerprint,
        "reason": failure.reason,
        "deliveries": failure.deliveries,
        "duration_s": last.duration_s if last else None,
        "first_failed_at": failure.attempts[0].at if failure.attempts else failure.failed_at,
        "last_failed_at": failure.failed_at,
    }
    return (await session.execute(_RECORD, row)).scalar_one()


def _record() -> ReturningInsert[uuid.UUID]:
    # The table, and not the class: what the ORM does to each insert costs as much as the insert.
    row = insert(cast("Table", FailedJob.__table__))
    new = row.excluded
    # jsonb has no slice: the newest ATTEMPTS_KEPT elements, by their position.
    newest = text(
        """(select coalesce(jsonb_agg(story.attempt order by story.at), '[]')
              from jsonb_array_elements(failed_jobs.attempts || excluded.attempts) with ordinality story(attempt, at)
             where story.at > jsonb_array_length(failed_jobs.attempts || excluded.attempts) - :kept)"""
    ).bindparams(kept=ATTEMPTS_KEPT)
    return row.on_conflict_do_update(
        index_elements=[FailedJob.job_key],
        index_where=_LIVE,
        set_={
            "state": "open",
            "task_id": new.task_id,
            "args": new.args,
            "kwargs": new.kwargs,
            "labels": new.labels,
            "attempts": newest,
            "exception": new.exception,
            "message": new.message,
            "fingerprint": new.fingerprint,
            "reason": new.reason,
            "deliveries": FailedJob.deliveries + new.deliveries,
            "duration_s": new.duration_s,
            "last_failed_at": new.last_failed_at,
        },
    ).returning(FailedJob.id)


# Built once: that costs as much as the statement.
_RECORD = _record()


async def mark_succeeded(session: AsyncSession, keys: Sequence[str]) -> int:
    """Closes the living rows of jobs that have succeeded since; returns how many there were."""
    done = await session.execute(
        update(FailedJob)
        .where(FailedJob.job_key.in_([storable_key(key) for key in keys]), _LIVE)
        .values(state="succeeded", resolved_at=func.now())
    )
    return cast("CursorResult[Any]", done).rowcount

"""Failed jobs with their whole story."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.errors import NotFound
from core.models import FailedJob
from core.redaction import redacted


@dataclass(frozen=True)
class FailedJobStory:
    """Everything that is kept of a failed job; see models.FailedJob. `attempts` are as Attempt.as_json writes them.

    It is for showing: what looks like a secret in the arguments is blacked out, and stays in the row for the retry.
    """

    id: uuid.UUID
    task_id: str
    job_key: str
    task: str
    queue: str
    args: list[Any]
    kwargs: dict[str, Any]
    labels: dict[str, Any]
    attempts: list[dict[str, Any]]
    exception: str
    message: str
    fingerprint: str
    reason: str
    deliveries: int
    duration_s: float | None
    first_failed_at: dt.datetime
    last_failed_at: dt.datetime
    state: str
    resolved_at: dt.datetime | None
    resolved_by: str | None
    action_id: uuid.UUID | None


async def get(session: AsyncSession, job: uuid.UUID) -> FailedJobStory:
    """Raises NotFound."""
    found = await many(session, [job])
    if not found:
        raise NotFound("There is no such failed job.")
    return found[0]


async def many(session: AsyncSession, jobs: Sequence[uuid.UUID]) -> tuple[FailedJobStory, ...]:
    """In this order; those that are gone are left out."""
    columns = (getattr(FailedJob, name) for name in FailedJobStory.__dataclass_fields__)
    rows = await session.execute(select(*columns).where(FailedJob.id.in_(list(jobs))))
    found = {row.id: FailedJobStory(**shown(row)) for row in rows}
    return tuple(found[job] for job in jobs if job in found)


def shown(row: Row[Any]) -> dict[str, Any]:
    """The columns of a row; what a sender chose, without secrets."""
    found = dict(row._mapping)
    return found | {name: redacted(found[name]) for name in ("args", "kwargs", "labels", "job_key") if name in found}

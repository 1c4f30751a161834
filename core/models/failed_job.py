"""A job that gave up, with its whole story. It stays until a person retries or discards it."""

import datetime as dt
import uuid
from typing import Any

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from core.models.base import Base, Id, Now

_OPEN = text("state = 'open'")


class FailedJob(Base):
    __tablename__ = "failed_jobs"
    __table_args__ = (
        CheckConstraint("state in ('open', 'retried', 'discarded', 'succeeded')", name="state"),
        # One living row a job key: a job that fails again, retried or not, adds to its row.
        Index("uq_failed_jobs_live_key", "job_key", unique=True, postgresql_where=text("state in ('open', 'retried')")),
        # Pages by key, newest first, for each filter of the desk. Only what is open: the rest costs them nothing.
        Index("ix_failed_jobs_newest", "last_failed_at", "id", postgresql_where=_OPEN),
        Index("ix_failed_jobs_task", "task", "last_failed_at", "id", postgresql_where=_OPEN),
        Index("ix_failed_jobs_queue", "queue", "last_failed_at", "id", postgresql_where=_OPEN),
        Index("ix_failed_jobs_cause", "fingerprint", "last_failed_at", "id", postgresql_where=_OPEN),
        # What became of the others.
        Index("ix_failed_jobs_settled", "state", "last_failed_at", "id", postgresql_where=text("state <> 'open'")),
        Index(
            "ix_failed_jobs_action",
            "action_id",
            "state",
            "last_failed_at",
            "id",
            postgresql_where=text("action_id is not null"),
        ),
        # What is not to be sent again by itself.
        Index("ix_failed_jobs_discarded_key", "job_key", postgresql_where=text("state = 'discarded'")),
        # An id that a person types or pastes.
        Index("ix_failed_jobs_task_id", "task_id"),
    )

    id: Mapped[Id]
    task_id: Mapped[str]
    # "task:argument,…" for tasks that are idempotent by argument, else the task id.
    job_key: Mapped[str]
    task: Mapped[str]
    queue: Mapped[str]
    args: Mapped[list[Any]]
    kwargs: Mapped[dict[str, Any]]
    labels: Mapped[dict[str, Any]]
    # [{"at", "worker", "duration_s", "exception", "message", "traceback"}, …], oldest first.
    attempts: Mapped[list[Any]]
    exception: Mapped[str]
    message: Mapped[str]
    # Hash of exception type, normalised message and the top frame of our own code: jobs with one cause share it.
    fingerprint: Mapped[str]
    # "will not heal", "gave up after 4 attempts", "killed its worker 3 times", "unknown task", "unreadable".
    reason: Mapped[str]
    deliveries: Mapped[int] = mapped_column(server_default="1")
    duration_s: Mapped[float | None]
    first_failed_at: Mapped[Now]
    last_failed_at: Mapped[Now]
    state: Mapped[str] = mapped_column(server_default="open")
    # When and by whom it was retried or discarded last; by nobody, if the job succeeded by itself.
    resolved_at: Mapped[dt.datetime | None]
    resolved_by: Mapped[str | None]
    # The FailedJobAction that did so: what becomes of the job counts for its report.
    action_id: Mapped[uuid.UUID | None]

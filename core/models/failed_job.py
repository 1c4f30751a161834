"""A job that gave up, with its whole story. It stays until a person retries or discards it."""

import datetime as dt
from typing import Any

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from core.models.base import Base, Id, Now


class FailedJob(Base):
    __tablename__ = "failed_jobs"
    __table_args__ = (
        CheckConstraint("state in ('open', 'retried', 'discarded', 'succeeded')", name="state"),
        # One open row a job key: the same job failing again adds to its row.
        Index("uq_failed_jobs_open_key", "job_key", unique=True, postgresql_where=text("state = 'open'")),
        Index("ix_failed_jobs_newest", "state", "last_failed_at", "id"),
        Index("ix_failed_jobs_group", "state", "fingerprint", "last_failed_at", "id"),
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
    resolved_at: Mapped[dt.datetime | None]
    resolved_by: Mapped[str | None]

"""What a person did to failed jobs: one row a deed, small or large, with how far it is and what became of it."""

import datetime as dt
import uuid
from typing import Any

from sqlalchemy import ARRAY, UUID, CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from core.models.base import Base, Id, Now


class FailedJobAction(Base):
    __tablename__ = "failed_job_actions"
    __table_args__ = (
        CheckConstraint("verb in ('retry', 'discard', 'reopen')", name="verb"),
        CheckConstraint("state in ('canary', 'running', 'done', 'cancelled', 'stopped')", name="state"),
        Index("ix_failed_job_actions_newest", "created_at", "id"),
        Index("ix_failed_job_actions_unfinished", "next_step_at", postgresql_where=text("finished_at is null")),
    )

    id: Mapped[Id]
    verb: Mapped[str]
    # A name, not a key: the record outlives the account.
    actor: Mapped[str]
    face: Mapped[str]
    # Which jobs, as core.failed_jobs.filter writes it, and in words.
    filter: Mapped[dict[str, Any]]
    target: Mapped[str]
    # Jobs that failed after this are none of it: what a retry makes fail again is not retried in a circle.
    cutoff: Mapped[Now]
    # How many matched when it began; a floor, if not exact.
    total: Mapped[int]
    total_is_exact: Mapped[bool] = mapped_column(server_default=text("true"))
    # How many it has taken so far.
    taken: Mapped[int] = mapped_column(server_default="0")
    state: Mapped[str]
    # Why it stopped.
    reason: Mapped[str | None]
    # So many go first, and the rest only if all of them succeed; 0: no such caution.
    canary: Mapped[int] = mapped_column(server_default="0")
    canary_ids: Mapped[list[uuid.UUID] | None] = mapped_column(ARRAY(UUID()))
    # Jobs a second at most.
    rate: Mapped[float | None]
    # The last job that was looked at: the next step goes on after it.
    cursor_at: Mapped[dt.datetime | None]
    cursor_id: Mapped[uuid.UUID | None]
    next_step_at: Mapped[Now]
    created_at: Mapped[Now]
    finished_at: Mapped[dt.datetime | None]

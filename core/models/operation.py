"""A change to the infrastructure: its plan, who approved it, where it stands, and what became of it."""

import datetime as dt
from typing import Any

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from core.models.base import Base, Id, Now


class Operation(Base):
    __tablename__ = "operations"
    __table_args__ = (
        CheckConstraint(
            "state in ('proposed', 'approved', 'running', 'verifying', 'paused', 'rolling back', "
            "'done', 'rolled back', 'failed', 'cancelled', 'expired', 'withdrawn')",
            name="state",
        ),
        CheckConstraint("second_by is distinct from approved_by or second_by is null", name="two_people"),
        # One at a time of those that would get into each other's way, whoever clicks when.
        Index(
            "uq_operations_active",
            "exclusive",
            unique=True,
            postgresql_where=text("state in ('approved', 'running', 'verifying', 'paused', 'rolling back')"),
        ),
        # A detector proposes the same thing once.
        Index("uq_operations_cause", "cause", unique=True, postgresql_where=text("state = 'proposed'")),
        Index("ix_operations_newest", "planned_at", "id"),
        Index("ix_operations_state", "state", "planned_at"),
    )

    id: Mapped[Id]
    # "rebuild index", "upgrade schema", …: one of core.operations.kinds.
    kind: Mapped[str]
    # What it must have for itself: "database" or "embeddings".
    exclusive: Mapped[str]
    # What a detector found, in a word that stays the same while it lasts; null: a person asked.
    cause: Mapped[str | None]
    state: Mapped[str] = mapped_column(server_default="proposed")
    title: Mapped[str]
    parameters: Mapped[dict[str, Any]]
    # What of the world the plan depends on, and the plan itself. Both are fixed once it is approved.
    matters: Mapped[dict[str, Any]]
    plan: Mapped[dict[str, Any]]
    plan_hash: Mapped[str]
    planned_at: Mapped[Now]
    # Seconds that looking at the world took.
    explored_s: Mapped[float]
    expires_at: Mapped[dt.datetime]
    proposed_by: Mapped[str]
    # 1, or 2 where REQUIRE_SECOND_APPROVER was set when it was planned.
    approvals_needed: Mapped[int] = mapped_column(server_default="1")
    approved_by: Mapped[str | None]
    approved_at: Mapped[dt.datetime | None]
    second_by: Mapped[str | None]
    second_at: Mapped[dt.datetime | None]
    started_at: Mapped[dt.datetime | None]
    ended_at: Mapped[dt.datetime | None]
    # The name of the step that runs or ran last, how far it is (0 to 1, null: not known) and what it says.
    step: Mapped[str | None]
    progress: Mapped[float | None]
    note: Mapped[str | None]
    # [{"name", "started_at", "ended_at"}, …] in the order in which they were begun.
    steps: Mapped[list[Any]] = mapped_column(server_default="[]")
    # "cancel" or "pause", and who wants it.
    stop: Mapped[str | None]
    stop_by: Mapped[str | None]
    # The worker that has it, and until when: a lapsed lease is a dead worker.
    runner: Mapped[str | None]
    lease_until: Mapped[dt.datetime | None]
    # How often a worker took it over.
    takeovers: Mapped[int] = mapped_column(server_default="0")
    # What steps leave for later ones and for the reader: numbers before and after.
    result: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    # One sentence: why it ended as it did.
    outcome: Mapped[str | None]

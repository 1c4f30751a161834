"""A job that was promised in a transaction and is still to be handed to Redis. The table is empty most of the time."""

from typing import Any

from sqlalchemy import BigInteger, Identity
from sqlalchemy.orm import Mapped, mapped_column

from core.models.base import Base, Now


class OutboxJob(Base):
    __tablename__ = "outbox"

    # In the order in which jobs were promised.
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    # Given here, so that handing over twice does not make two jobs of one.
    task_id: Mapped[str]
    task: Mapped[str]
    args: Mapped[list[Any]]
    kwargs: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    labels: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    queue: Mapped[str]
    job_key: Mapped[str | None]
    created_at: Mapped[Now]

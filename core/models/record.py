"""Who did what, when, to what, with what outcome. Rows are only ever added."""

from typing import Any

from sqlalchemy import BigInteger, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from core.models.base import Base, Now


class Record(Base):
    __tablename__ = "records"
    # One for each filter of the record: every action adds a row, and nobody may have to read all of them.
    __table_args__ = (
        Index("ix_records_latest", "at", "id"),
        Index("ix_records_actor", "actor", "at", "id"),
        Index("ix_records_action", "action", "at", "id"),
        Index("ix_records_outcome", "outcome", "at", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[Now]
    # A name, not a key: the record outlives the account.
    actor: Mapped[str]
    # The network address that the request came from; null at the command line and for the system.
    address: Mapped[str | None]
    # "browser", "api", "cli" or "system".
    face: Mapped[str]
    action: Mapped[str]
    target: Mapped[str]
    # "done", "refused" or "failed".
    outcome: Mapped[str]
    details: Mapped[dict[str, Any]]

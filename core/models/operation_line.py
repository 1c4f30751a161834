"""The log of an operation, a line at a time."""

import uuid

from sqlalchemy import BigInteger, ForeignKey, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from core.models.base import Base, Now


class OperationLine(Base):
    __tablename__ = "operation_lines"
    __table_args__ = (Index("ix_operation_lines_operation", "operation_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    operation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("operations.id", ondelete="CASCADE"))
    at: Mapped[Now]
    # "info", "warning" or "error".
    level: Mapped[str]
    text: Mapped[str]

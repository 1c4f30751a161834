"""A cause of failures: what its jobs have in common. Written by the trigger on failed_jobs."""

from sqlalchemy import ARRAY, Text
from sqlalchemy.orm import Mapped, mapped_column

from core.models.base import Base, Now


class FailureGroup(Base):
    __tablename__ = "failure_groups"

    fingerprint: Mapped[str] = mapped_column(primary_key=True)
    exception: Mapped[str]
    # At most 20 of them.
    tasks: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    first_seen: Mapped[Now]

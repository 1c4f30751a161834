"""Counts of failed jobs, kept by the trigger on failed_jobs, so that no screen counts rows.

A hundred workers that fail for one cause must not wait for each other's commits: whoever finds a tally locked leaves
its change in failure_tally_changes, and the next one that finds it free adds it up. A count is the sum of both.
"""

import datetime as dt

from sqlalchemy import BigInteger, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from core.models.base import Base

NO_HOUR = text("'epoch'")


class FailureTally(Base):
    """`kind` and what `name` is: open jobs: open (""), task, queue, cause (fingerprint); failures in an hour: hour
    (fingerprint); outcomes of an action's retries: succeeded, failed again (its id)."""

    __tablename__ = "failure_tallies"
    __table_args__ = (
        Index(
            "ix_failure_tallies_largest",
            "kind",
            "number",
            "name",
            postgresql_where=text("kind in ('cause', 'task', 'queue') and number > 0"),
        ),
    )

    kind: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    hour: Mapped[dt.datetime] = mapped_column(primary_key=True, server_default=NO_HOUR)
    number: Mapped[int] = mapped_column(BigInteger)


class FailureTallyChange(Base):
    __tablename__ = "failure_tally_changes"
    __table_args__ = (Index("ix_failure_tally_changes_tally", "kind", "name", "hour"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    kind: Mapped[str]
    name: Mapped[str]
    hour: Mapped[dt.datetime] = mapped_column(server_default=NO_HOUR)
    number: Mapped[int] = mapped_column(BigInteger)

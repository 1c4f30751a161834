"""Logins that failed, counted for each account from each origin, so that guessing gets slower. Refusals, too."""

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from core.models.base import Base, Now


class LoginFailure(Base):
    __tablename__ = "login_failures"
    __table_args__ = (Index("ix_login_failures_last_failed_at", "last_failed_at"),)

    # A network address, or the id of a browser that logged in to this account before. Of a refusal, who from where.
    origin: Mapped[str] = mapped_column(primary_key=True)
    # Hex SHA-256 of the name that was typed: people type passwords into the wrong field.
    account: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int]
    last_failed_at: Mapped[Now]

"""A login. The browser holds the token; only its hash is stored."""

import datetime as dt
import uuid

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from core.models.base import Base, Id, Now


class LoginSession(Base):
    __tablename__ = "sessions"
    __table_args__ = (Index("ix_sessions_user_id", "user_id"), Index("ix_sessions_expires_at", "expires_at"))

    id: Mapped[Id]
    # Hex SHA-256 of the token, which is 32 random bytes: no salt needed.
    token_hash: Mapped[str] = mapped_column(unique=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    created_at: Mapped[Now]
    last_seen_at: Mapped[Now]
    expires_at: Mapped[dt.datetime]
    user_agent: Mapped[str | None]
    address: Mapped[str | None]

"""A key for programs. It is shown once, when it is made; only its hash is stored."""

import datetime as dt

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.models.base import Base, Id, Now


class ApiToken(Base):
    __tablename__ = "api_tokens"
    __table_args__ = (CheckConstraint("role in ('viewer', 'operator', 'admin')", name="role"),)

    id: Mapped[Id]
    # Hex SHA-256 of the token, which holds 32 random bytes: no salt needed.
    token_hash: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    role: Mapped[str]
    # A name, not a key: the token outlives the account.
    created_by: Mapped[str]
    created_at: Mapped[Now]
    last_used_at: Mapped[dt.datetime | None]
    # Null: until it is revoked.
    expires_at: Mapped[dt.datetime | None]
    revoked_at: Mapped[dt.datetime | None]

"""Keys for programs."""

import datetime as dt
import uuid
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.access import Role
from core.models import ApiToken


@dataclass(frozen=True)
class TokenRow:
    """One token, without what opens the door. `expires_at` None: until it is revoked."""

    id: uuid.UUID
    name: str
    role: Role
    created_by: str
    created_at: dt.datetime
    last_used_at: dt.datetime | None
    expires_at: dt.datetime | None
    revoked_at: dt.datetime | None


@dataclass(frozen=True)
class TokenBearer:
    """What a valid token says about who holds it."""

    id: uuid.UUID
    name: str
    role: Role
    last_used_at: dt.datetime | None


async def add(
    session: AsyncSession,
    *,
    token_hash: str,
    name: str,
    role: Role,
    created_by: str,
    expires_at: dt.datetime | None,
) -> TokenRow:
    new = await session.execute(
        insert(ApiToken)
        .values(token_hash=token_hash, name=name, role=role.value, created_by=created_by, expires_at=expires_at)
        .returning(ApiToken.id, ApiToken.created_at)
    )
    id_, created_at = new.one()
    return TokenRow(id_, name, role, created_by, created_at, None, expires_at, None)


async def bearer(session: AsyncSession, token_hash: str, now: dt.datetime) -> TokenBearer | None:
    """Who holds this token; None when there is no such token, it expired or was revoked."""
    row = (
        await session.execute(
            select(ApiToken.id, ApiToken.name, ApiToken.role, ApiToken.last_used_at).where(
                ApiToken.token_hash == token_hash, *_valid(now)
            )
        )
    ).one_or_none()
    if row is None:
        return None
    return TokenBearer(**{**row._mapping, "role": Role(row.role)})


async def used(session: AsyncSession, token_id: uuid.UUID, now: dt.datetime) -> None:
    await session.execute(update(ApiToken).where(ApiToken.id == token_id).values(last_used_at=now))


async def everything(session: AsyncSession) -> tuple[TokenRow, ...]:
    """Every token, revoked ones too, the newest first."""
    found = await session.execute(
        select(
            ApiToken.id,
            ApiToken.name,
            ApiToken.role,
            ApiToken.created_by,
            ApiToken.created_at,
            ApiToken.last_used_at,
            ApiToken.expires_at,
            ApiToken.revoked_at,
        ).order_by(ApiToken.created_at.desc(), ApiToken.id)
    )
    return tuple(TokenRow(**{**row._mapping, "role": Role(row.role)}) for row in found)


async def made_by(session: AsyncSession, name: str, now: dt.datetime) -> int:
    """How many of the tokens that a person made are valid."""
    made = select(func.count()).select_from(ApiToken).where(ApiToken.created_by == name, *_valid(now))
    return (await session.execute(made)).scalar_one()


async def revoke(session: AsyncSession, token_id: uuid.UUID, now: dt.datetime) -> bool:
    """False: there is no such token, or it was revoked before."""
    gone = await session.execute(
        update(ApiToken)
        .where(ApiToken.id == token_id, ApiToken.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(ApiToken.id)
    )
    return gone.first() is not None


def _valid(now: dt.datetime) -> tuple[ColumnElement[bool], ...]:
    return ApiToken.revoked_at.is_(None), ApiToken.expires_at.is_(None) | (ApiToken.expires_at > now)

"""Logins. The browser holds the token; rows hold its hash."""

import datetime as dt
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Row, Select, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.access import Role
from core.models import LoginSession, UserAccount


@dataclass(frozen=True)
class SessionRow:
    """An open login of an enabled account."""

    id: uuid.UUID
    user_id: uuid.UUID
    user_name: str
    role: Role
    created_at: dt.datetime
    last_seen_at: dt.datetime
    expires_at: dt.datetime
    user_agent: str | None
    address: str | None


async def add(
    session: AsyncSession,
    *,
    token_hash: str,
    user_id: uuid.UUID,
    now: dt.datetime,
    expires_at: dt.datetime,
    user_agent: str | None,
    address: str | None,
) -> uuid.UUID:
    new = await session.execute(
        insert(LoginSession)
        .values(
            token_hash=token_hash,
            user_id=user_id,
            created_at=now,
            last_seen_at=now,
            expires_at=expires_at,
            user_agent=user_agent,
            address=address,
        )
        .returning(LoginSession.id)
    )
    return new.scalar_one()


async def by_token(session: AsyncSession, token_hash: str, now: dt.datetime) -> SessionRow | None:
    """The login that this token opens; None when there is none, it ended, or its account is disabled."""
    row = (await session.execute(_open(now).where(LoginSession.token_hash == token_hash))).one_or_none()
    return None if row is None else _row(row)


async def open_ones(session: AsyncSession, ids: Iterable[uuid.UUID], now: dt.datetime) -> dict[uuid.UUID, SessionRow]:
    """Those of these logins that are still open, by id."""
    found = await session.execute(_open(now).where(LoginSession.id.in_(list(ids))))
    return {row.id: row for row in map(_row, found)}


async def open_now(session: AsyncSession, now: dt.datetime, *, of: uuid.UUID | None = None) -> tuple[SessionRow, ...]:
    """Every open login, or those of one account, the latest seen first."""
    query = _open(now) if of is None else _open(now).where(LoginSession.user_id == of)
    found = await session.execute(query.order_by(LoginSession.last_seen_at.desc()))
    return tuple(map(_row, found))


async def whose(session: AsyncSession, session_id: uuid.UUID) -> tuple[uuid.UUID, str] | None:
    """Id and name of the account that this login is of; None when it has ended."""
    query = select(UserAccount.id, UserAccount.name).join(LoginSession, LoginSession.user_id == UserAccount.id)
    row = (await session.execute(query.where(LoginSession.id == session_id))).one_or_none()
    return None if row is None else (row.id, row.name)


async def touch(session: AsyncSession, session_id: uuid.UUID, *, now: dt.datetime, expires_at: dt.datetime) -> None:
    """Moves last seen and the expiry."""
    await session.execute(
        update(LoginSession).where(LoginSession.id == session_id).values(last_seen_at=now, expires_at=expires_at)
    )


async def end(session: AsyncSession, session_id: uuid.UUID) -> bool:
    """False: it had ended already."""
    gone = await session.execute(delete(LoginSession).where(LoginSession.id == session_id).returning(LoginSession.id))
    return gone.first() is not None


async def end_of_user(session: AsyncSession, user_id: uuid.UUID, *, but: uuid.UUID | None = None) -> int:
    """Ends all logins of that account, except for `but`. Returns how many."""
    query = delete(LoginSession).where(LoginSession.user_id == user_id).returning(LoginSession.id)
    if but is not None:
        query = query.where(LoginSession.id != but)
    return len((await session.execute(query)).all())


async def end_all_but(session: AsyncSession, user_id: uuid.UUID, most: int) -> None:
    """Leaves an account that many logins: those that were used after they began before others, then the latest seen."""
    unused = LoginSession.last_seen_at == LoginSession.created_at
    more = select(LoginSession.id).where(LoginSession.user_id == user_id)
    more = more.order_by(unused, LoginSession.last_seen_at.desc()).offset(most)
    await session.execute(delete(LoginSession).where(LoginSession.id.in_(more)))


async def forget_expired(session: AsyncSession, now: dt.datetime) -> None:
    await session.execute(delete(LoginSession).where(LoginSession.expires_at <= now))


def _open(now: dt.datetime) -> Select[*tuple[object, ...]]:
    return (
        select(
            LoginSession.id,
            LoginSession.user_id,
            UserAccount.name.label("user_name"),
            UserAccount.role,
            LoginSession.created_at,
            LoginSession.last_seen_at,
            LoginSession.expires_at,
            LoginSession.user_agent,
            LoginSession.address,
        )
        .join(UserAccount, UserAccount.id == LoginSession.user_id)
        .where(LoginSession.expires_at > now, UserAccount.disabled_at.is_(None))
    )


def _row(row: Row[*tuple[object, ...]]) -> SessionRow:
    return SessionRow(**{**row._mapping, "role": Role(row.role)})

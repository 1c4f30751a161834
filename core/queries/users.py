"""People who may log in."""

import datetime as dt
import uuid
from dataclasses import dataclass, field

from sqlalchemy import Row, Select, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.access import Role
from core.models import LoginSession, UserAccount


@dataclass(frozen=True)
class Account:
    """One person's account, with the hash of the password, which no repr shows."""

    id: uuid.UUID
    name: str
    role: Role
    password_hash: str = field(repr=False)
    disabled_at: dt.datetime | None


@dataclass(frozen=True)
class UserRow:
    """One person as the command line, the API and the Access page list them. `sessions`: open ones."""

    id: uuid.UUID
    name: str
    role: Role
    created_at: dt.datetime
    disabled_at: dt.datetime | None
    last_seen_at: dt.datetime | None
    sessions: int


async def by_name(session: AsyncSession, name: str) -> Account | None:
    row = (await session.execute(_accounts().where(UserAccount.name == name))).one_or_none()
    return None if row is None else _account(row)


async def by_id(session: AsyncSession, user_id: uuid.UUID) -> Account | None:
    row = (await session.execute(_accounts().where(UserAccount.id == user_id))).one_or_none()
    return None if row is None else _account(row)


async def unchanged(session: AsyncSession, account: Account) -> bool:
    """Whether it can still be used with the password that it was read with; nobody changes it until the transaction
    ends."""
    held = await session.execute(_accounts().where(UserAccount.id == account.id).with_for_update(key_share=True))
    row = held.one_or_none()
    return row is not None and row.disabled_at is None and row.password_hash == account.password_hash


async def everyone(session: AsyncSession, now: dt.datetime) -> tuple[UserRow, ...]:
    """All accounts by name."""
    found = await session.execute(
        select(
            UserAccount.id,
            UserAccount.name,
            UserAccount.role,
            UserAccount.created_at,
            UserAccount.disabled_at,
            func.max(LoginSession.last_seen_at).label("last_seen_at"),
            func.count(LoginSession.id).filter(LoginSession.expires_at > now).label("sessions"),
        )
        .outerjoin(LoginSession, LoginSession.user_id == UserAccount.id)
        .group_by(UserAccount.id)
        .order_by(UserAccount.name)
    )
    return tuple(UserRow(**{**row._mapping, "role": Role(row.role)}) for row in found)


async def add(session: AsyncSession, *, name: str, role: Role, password_hash: str) -> uuid.UUID | None:
    """The id of the new account; None: the name is taken."""
    new = await session.execute(
        insert(UserAccount)
        .values(name=name, role=role.value, password_hash=password_hash)
        .on_conflict_do_nothing(index_elements=[UserAccount.name])
        .returning(UserAccount.id)
    )
    return new.scalar_one_or_none()


async def are_there_any(session: AsyncSession) -> bool:
    return (await session.execute(select(UserAccount.id).limit(1))).first() is not None


async def is_last_admin(session: AsyncSession, user_id: uuid.UUID) -> bool:
    """Whether no other enabled admin is left.

    The rows stay locked until the transaction ends, so that two admins who demote each other leave one.
    """
    admins = (
        select(UserAccount.id)
        .where(UserAccount.role == Role.ADMIN.value, UserAccount.disabled_at.is_(None))
        .order_by(UserAccount.id)
        .with_for_update()
    )
    return set((await session.execute(admins)).scalars()) == {user_id}


async def set_role(session: AsyncSession, user_id: uuid.UUID, role: Role) -> None:
    await session.execute(update(UserAccount).where(UserAccount.id == user_id).values(role=role.value))


async def set_password(session: AsyncSession, user_id: uuid.UUID, password_hash: str) -> None:
    await session.execute(update(UserAccount).where(UserAccount.id == user_id).values(password_hash=password_hash))


async def set_disabled(session: AsyncSession, user_id: uuid.UUID, at: dt.datetime | None) -> None:
    """Disables the account at that time, or enables it with None."""
    await session.execute(update(UserAccount).where(UserAccount.id == user_id).values(disabled_at=at))


def _accounts() -> Select[*tuple[object, ...]]:
    return select(
        UserAccount.id, UserAccount.name, UserAccount.role, UserAccount.password_hash, UserAccount.disabled_at
    )


def _account(row: Row[*tuple[object, ...]]) -> Account:
    return Account(**{**row._mapping, "role": Role(row.role)})

"""Failed logins, counted for each account from each origin, and for each origin as a whole."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import delete, func, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.models import LoginFailure

# The row of an origin that counts for all accounts together.
ALL = "*"


@dataclass(frozen=True)
class Failures:
    """How many logins failed in a row, and when the last of them did; the time means nothing when the count is 0."""

    count: int
    last_at: dt.datetime


async def hold(session: AsyncSession, origin: str, account: str, now: dt.datetime) -> Failures:
    """The present count, which nobody else changes until the transaction ends.

    The row is made where there is none, so that of a hundred first attempts at once each sees those before it.
    """
    new = insert(LoginFailure).values(origin=origin, account=account, failures=0, last_failed_at=now)
    held = await session.execute(
        new.on_conflict_do_update(
            index_elements=[LoginFailure.origin, LoginFailure.account], set_={"failures": LoginFailure.failures}
        ).returning(LoginFailure.failures, LoginFailure.last_failed_at)
    )
    return Failures(*held.one())


async def put(session: AsyncSession, origin: str, account: str, failures: Failures) -> None:
    """Stores the count of a row that `hold` made."""
    await session.execute(
        update(LoginFailure)
        .where(LoginFailure.origin == origin, LoginFailure.account == account)
        .values(failures=failures.count, last_failed_at=failures.last_at)
    )


async def take_back(session: AsyncSession, origin: str) -> None:
    """One attempt less for the origin as a whole: it was counted before it was known to be good."""
    await session.execute(
        update(LoginFailure)
        .where(LoginFailure.origin == origin, LoginFailure.account == ALL)
        .values(failures=func.greatest(LoginFailure.failures - 1, 0))
    )


async def forget(session: AsyncSession, origin: str, account: str) -> None:
    """After a login that went well."""
    await session.execute(delete(LoginFailure).where(LoginFailure.origin == origin, LoginFailure.account == account))


async def forget_account(session: AsyncSession, account: str) -> None:
    """From everywhere: when the account got a new password from someone with the right to give one."""
    await session.execute(delete(LoginFailure).where(LoginFailure.account == account))


async def forget_old(session: AsyncSession, before: dt.datetime) -> None:
    await session.execute(delete(LoginFailure).where(LoginFailure.last_failed_at < before))

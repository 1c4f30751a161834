"""Who may log in: adding, disabling, passwords and roles. Each verb asks for the right and leaves a record."""

import datetime as dt
import uuid

from sqlalchemy.ext.asyncio import AsyncSession

from core.access import SYSTEM, Action, Role, User, require
from core.accounts import logins, passwords
from core.accounts.logins import fingerprint
from core.accounts.names import LONGEST, account_name, normal
from core.db import Database
from core.errors import BadRequest, Conflict, NotFound
from core.phrases import counted
from core.queries import login_failures, sessions, tokens, users
from core.queries.users import Account, UserRow
from core.recording import Deed, Face, attempted, committed, recorded

FIRST_ADMIN = "admin"


class LastAdmin(Conflict):
    """That is the last admin: make another one first, or nobody could manage people any more."""


async def ensure_first_admin(database: Database) -> str | None:
    """Creates the account `admin` when there is no account at all, and returns its password: show it once.

    None: there are accounts already. Of two processes that start at once, one gets the password.
    """
    async with database.session() as session:
        if await users.are_there_any(session):
            return None
    password = passwords.invented()
    password_hash = await passwords.hashed(password)
    async with recorded(database, SYSTEM, "system", Action.MANAGE_USERS, FIRST_ADMIN, change="created") as recording:
        id_ = await users.add(recording.session, name=FIRST_ADMIN, role=Role.ADMIN, password_hash=password_hash)
        recording.details["change"] = "created" if id_ else "there already"
    return password if id_ else None


async def everyone(database: Database, by: User | None, *, now: dt.datetime) -> tuple[UserRow, ...]:
    """All accounts by name. Needs the right to manage users: the list tells who is worth attacking."""
    require(by, Action.MANAGE_USERS)
    async with database.session() as session:
        return await users.everyone(session, now)


async def add(database: Database, by: User | None, face: Face, *, name: str, role: Role, password: str) -> uuid.UUID:
    """The id of the new account. Raises BadRequest for a name or a password that will not do, Conflict for a name
    that is taken."""
    target = normal(name)[:LONGEST]
    async with recorded(database, by, face, Action.MANAGE_USERS, target, change="added", role=role) as recording:
        name = account_name(name)
        password_hash = await passwords.hashed(passwords.acceptable(password, name))
        id_ = await users.add(recording.session, name=name, role=role, password_hash=password_hash)
        if id_ is None:
            raise Conflict(f"There is an account {name} already.")
        return id_


async def disable(database: Database, by: User | None, face: Face, *, name: str, now: dt.datetime) -> int:
    """Nobody logs in with that account any more; its sessions end, and its open pages close within two seconds.

    Returns how many tokens that they made are still valid: programs use those, and an admin decides on them.
    """
    name = normal(name)
    async with recorded(database, by, face, Action.MANAGE_USERS, name, change="disabled") as recording:
        account = await _known(recording.session, name)
        await _keep_an_admin(recording.session, account)
        if account.disabled_at is None:
            await users.set_disabled(recording.session, account.id, now)
        await sessions.end_of_user(recording.session, account.id)
        left = recording.details["valid_tokens"] = await tokens.made_by(recording.session, account.name, now)
        return left


def disabled(name: str, valid_tokens: int) -> str:
    """What to say when that is done."""
    said = f"{name} is disabled, and every session of theirs has ended."
    if valid_tokens:
        verb = "is" if valid_tokens == 1 else "are"
        said += f" {counted(valid_tokens, 'token')} that they made {verb} still valid: revoke what they may have kept."
    return said


async def enable(database: Database, by: User | None, face: Face, *, name: str) -> None:
    """The account may log in again, with the password that it had."""
    name = normal(name)
    async with recorded(database, by, face, Action.MANAGE_USERS, name, change="enabled") as recording:
        account = await _known(recording.session, name)
        await users.set_disabled(recording.session, account.id, None)


async def change_role(database: Database, by: User | None, face: Face, *, name: str, role: Role) -> None:
    """Open pages of that person take the new role within two seconds."""
    name = normal(name)
    async with recorded(database, by, face, Action.MANAGE_USERS, name, change="role", role=role) as recording:
        account = await _known(recording.session, name)
        recording.details["was"] = account.role
        if role is not Role.ADMIN:
            await _keep_an_admin(recording.session, account)
        await users.set_role(recording.session, account.id, role)


async def give_password(database: Database, by: User | None, face: Face, *, name: str, password: str) -> None:
    """Sets anybody's password, ends all sessions of that account, and lifts every delay on its logins."""
    name = normal(name)
    async with recorded(database, by, face, Action.MANAGE_USERS, name, change="password") as recording:
        account = await _known(recording.session, name)
        password_hash = await passwords.hashed(passwords.acceptable(password, name))
        await users.set_password(recording.session, account.id, password_hash)
        await sessions.end_of_user(recording.session, account.id)
        await login_failures.forget_account(recording.session, fingerprint(name))


async def change_own_password(
    database: Database,
    by: User | None,
    face: Face,
    *,
    old: str,
    new: str,
    keep: uuid.UUID | None = None,
    now: dt.datetime,
) -> None:
    """Changes one's own password and ends one's other sessions; `keep` is the one in use.

    Whoever found a session open does not get to guess at its password: that waits as logins do, apart from them.
    Raises BadRequest and TooManyAttempts.
    """
    deed = Deed(by, face, Action.CHANGE_OWN_PASSWORD, by.name if by else "")
    async with attempted(database, deed) as user:
        account = await _of(database, user)
        passwords.acceptable(new, account.name)
        guesses = f"own password {account.id}"
        await logins.count_attempt(database, guesses, fingerprint(account.name), now)
        if not await passwords.matches(old, account.password_hash):
            raise BadRequest("The old password is wrong.")
        new_hash = await passwords.hashed(new)
        async with committed(database, deed, user) as recording:
            if not await users.unchanged(recording.session, account):
                raise Conflict("Somebody else has changed your account meanwhile.")
            await login_failures.forget(recording.session, guesses, fingerprint(account.name))
            await users.set_password(recording.session, account.id, new_hash)
            deed.details["ended"] = await sessions.end_of_user(recording.session, account.id, but=keep)


async def _of(database: Database, user: User) -> Account:
    async with database.session() as session:
        account = await users.by_id(session, user.id) if user.id else None
    if account is None:
        raise BadRequest("Only a person has a password.")
    return account


async def _known(session: AsyncSession, name: str) -> Account:
    account = await users.by_name(session, name)
    if account is None:
        raise NotFound(f"There is no account {name}.")
    return account


async def _keep_an_admin(session: AsyncSession, account: Account) -> None:
    if await users.is_last_admin(session, account.id):
        raise LastAdmin

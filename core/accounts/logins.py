"""Logging in and out with a name and a password, and what a session's token says later."""

import datetime as dt
import hashlib
import secrets
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncSession

from core.access import Action, Role, User
from core.accounts import passwords, throttle
from core.accounts.names import could_be_name, normal
from core.accounts.throttle import Origin
from core.db import Database
from core.errors import NotLoggedIn, SignalistError
from core.queries import login_failures, sessions, users
from core.queries.sessions import SessionRow
from core.queries.users import Account
from core.recording import Deed, note, recorded

# A browser that is not used that long has to log in again, and every browser does after a week.
# Within what OWASP's session management cheat sheet advises for tools that people have open all day.
IDLE = dt.timedelta(hours=12)
ABSOLUTE = dt.timedelta(days=7)
# Last seen is exact to a minute: no page view costs a write more often.
SEEN_EVERY = dt.timedelta(minutes=1)
# Nobody works in more browsers at once; a program that keeps no cookie and is let in with each request would fill the
# table by itself.
MOST = 50
# A browser's own name is cut: it is shown in one line.
USER_AGENT = 200


class WrongLogin(NotLoggedIn):
    """The name or the password is wrong."""


class TooManyAttempts(SignalistError):
    """Too many logins failed: wait before the next one."""

    http_status = 429

    def __init__(self, retry_after: float) -> None:
        """`retry_after`: seconds until the next attempt is looked at."""
        super().__init__(f"Too many logins failed. Try again in {_spoken(retry_after)}.")
        self.retry_after = retry_after


@dataclass(frozen=True)
class Login:
    """An open session: who, and until when if nothing happens."""

    id: uuid.UUID
    user: User
    last_seen_at: dt.datetime
    expires_at: dt.datetime


@dataclass(frozen=True)
class NewLogin:
    """A session that just began. The token goes into the browser's cookie and nowhere else."""

    login: Login
    token: str = field(repr=False)


async def log_in(
    database: Database,
    *,
    name: str,
    password: str,
    origin: Origin,
    user_agent: str | None,
    replaces: str | None,
    now: dt.datetime,
) -> NewLogin:
    """Opens a session; the one whose token is `replaces`, if any, ends with it.

    An unknown name, a disabled account and a wrong password give the same answer after the same work.
    Raises WrongLogin, TooManyAttempts and DatabaseUnavailable.
    """
    name = normal(name)
    account = await _admit(database, name, origin, now)
    right = await passwords.matches(password, account.password_hash if account else None)
    if account is None or not right or account.disabled_at is not None:
        # Of an unknown name nothing is kept: people type their password into the wrong field.
        user = _user(account, origin.address) if account else User(None, "someone", Role.VIEWER, origin.address)
        await note(database, Deed(user, "browser", Action.LOG_IN, user.name), "refused", WrongLogin.sentence())
        raise WrongLogin
    fresh_hash = await passwords.hashed(password) if passwords.outdated(account.password_hash) else None
    user = _user(account, origin.address)
    async with recorded(database, user, "browser", Action.LOG_IN, name) as recording:
        # A password that was changed while this one was looked at has ended every session, and so it ends this.
        if not await users.unchanged(recording.session, account):
            raise WrongLogin
        if fresh_hash:
            await users.set_password(recording.session, account.id, fresh_hash)
        await _forget_failures(recording.session, name, origin)
        return await begin(recording.session, user, account.id, user_agent=user_agent, replaces=replaces, now=now)


async def begin(
    session: AsyncSession,
    user: User,
    account_id: uuid.UUID,
    *,
    user_agent: str | None,
    replaces: str | None,
    now: dt.datetime,
    prefix: str = "",
) -> NewLogin:
    """Opens a session for whoever has proven to be `user`; the one whose token is `replaces`, if any, ends with it.

    `prefix` begins the token: what it says of the session, nobody can change.
    """
    token = prefix + secrets.token_urlsafe(32)
    await sessions.forget_expired(session, now)
    await login_failures.forget_old(session, now - throttle.FORGOTTEN)
    if replaces and (old := await sessions.by_token(session, fingerprint(replaces), now)):
        await sessions.end(session, old.id)
    await sessions.end_all_but(session, account_id, MOST - 1)
    expires_at = now + IDLE
    id_ = await sessions.add(
        session,
        token_hash=fingerprint(token),
        user_id=account_id,
        now=now,
        expires_at=expires_at,
        user_agent="".join(filter(str.isprintable, user_agent))[:USER_AGENT] if user_agent else None,
        address=user.address,
    )
    return NewLogin(Login(id_, user, now, expires_at), token)


async def log_out(database: Database, login: Login) -> None:
    """Ends the session. Its open pages close within the second in which every dashboard looks."""
    async with recorded(database, login.user, "browser", Action.LOG_OUT, login.user.name) as recording:
        await sessions.end(recording.session, login.id)


async def by_token(database: Database, token: str, *, address: str | None, now: dt.datetime) -> Login | None:
    """Who holds this token; None when it opens nothing (any more). Counts as a sign of life."""
    async with database.session() as session:
        row = await sessions.by_token(session, fingerprint(token), now)
        if row is None:
            return None
        await _seen(session, row, now)
        return _login(row, address)


async def open_ones(
    database: Database, ids: Iterable[uuid.UUID], *, active: Iterable[uuid.UUID] = (), now: dt.datetime
) -> dict[uuid.UUID, Login]:
    """Those of these sessions that are still open, by id, in one query; `active` ones gave a sign of life."""
    async with database.session() as session:
        found = await sessions.open_ones(session, ids, now)
        for id_ in found.keys() & set(active):
            await _seen(session, found[id_], now)
    return {id_: _login(row, row.address) for id_, row in found.items()}


def fingerprint(token: str) -> str:
    """What is stored of a token: hex SHA-256. A token is 32 random bytes, so neither salt nor slowness is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


async def _admit(database: Database, name: str, origin: Origin, now: dt.datetime) -> Account | None:
    """The account, after this attempt was counted as failed: a hundred at once must not all see a count of zero."""
    pair_key, account_key = origin.key, fingerprint(name)
    async with database.session() as session:
        everyone = None if origin.device else await login_failures.hold(session, pair_key, login_failures.ALL, now)
        pair = await login_failures.hold(session, pair_key, account_key, now)
        if wait := throttle.wait(pair, everyone, now).total_seconds():
            raise TooManyAttempts(wait)
        if everyone is not None:
            total = throttle.one_more(everyone, throttle.ADDRESS_PAUSE, now)
            await login_failures.put(session, pair_key, login_failures.ALL, total)
        await login_failures.put(session, pair_key, account_key, throttle.one_more(pair, throttle.FORGOTTEN, now))
        return await users.by_name(session, name) if could_be_name(name) else None


async def count_attempt(database: Database, origin: str, account: str, now: dt.datetime) -> None:
    """Counts an attempt as failed until it is known to be good. Raises TooManyAttempts."""
    async with database.session() as session:
        pair = await login_failures.hold(session, origin, account, now)
        if wait := throttle.wait(pair, None, now).total_seconds():
            raise TooManyAttempts(wait)
        await login_failures.put(session, origin, account, throttle.one_more(pair, throttle.FORGOTTEN, now))


async def _forget_failures(session: AsyncSession, name: str, origin: Origin) -> None:
    if not origin.device:
        await login_failures.take_back(session, origin.key)
    await login_failures.forget(session, origin.key, fingerprint(name))


async def _seen(session: AsyncSession, row: SessionRow, now: dt.datetime) -> None:
    if now - row.last_seen_at >= SEEN_EVERY:
        await sessions.touch(session, row.id, now=now, expires_at=min(now + IDLE, row.created_at + ABSOLUTE))


def _login(row: SessionRow, address: str | None) -> Login:
    return Login(row.id, User(row.user_id, row.user_name, row.role, address), row.last_seen_at, row.expires_at)


def _user(account: Account, address: str) -> User:
    return User(account.id, account.name, account.role, address)


def _spoken(seconds: float) -> str:
    return f"{max(1, round(seconds))} s" if seconds < 90 else f"{round(seconds / 60)} min"

"""People whom the team's own proxy vouches for. It has asked them who they are; here is only asked what they may."""

import datetime as dt
from contextlib import suppress

from core.access import SYSTEM, Action, Role, User
from core.accounts import logins, passwords
from core.accounts.logins import NewLogin, TooManyAttempts, fingerprint
from core.accounts.names import could_be_name, normal
from core.accounts.throttle import neighbourhood
from core.db import Database
from core.errors import Forbidden
from core.queries import users
from core.queries.users import Account
from core.recording import Deed, note, recorded

# What the token of such a session begins with: it opens nothing without the proxy's word.
PREFIX = "sso."


class NotAName(Forbidden):
    """The single sign-on names nobody: its header has to be there once, with the name of an account in it."""


class NotLetIn(Forbidden):
    """The single sign-on knows you, and Signalist does not let you in."""


def name_in(header: list[str]) -> str:
    """The name of an account in the values of a header. Raises NotAName for what is none, or more than one."""
    # Checked before it is stripped: what was left out of a name can make it somebody else's.
    if len(header) == 1 and header[0].isascii() and header[0].isprintable():
        name = normal(header[0])
        if could_be_name(name):
            return name
    raise NotAName


def holds(token: str, name: str, vouched: str | None) -> bool:
    """Whether a session of `name` with this token counts for a request for which the proxy vouches so.

    Where it names somebody, it is they who ask, whatever session was left in their browser; and what it opened opens
    nothing without it.
    """
    return not token.startswith(PREFIX) if vouched is None else name == vouched


async def sign_in(
    database: Database,
    *,
    name: str,
    new_role: Role | None,
    address: str,
    user_agent: str | None,
    replaces: str | None,
    now: dt.datetime,
) -> NewLogin:
    """Opens a session for `name`, who is added with `new_role` when there is no such account.

    Raises NotLetIn for who is disabled, or not known where nobody is added by themselves, and DatabaseUnavailable.
    """
    account = await _account(database, name)
    if account is None and new_role is not None:
        await _welcome(database, name, new_role)
        account = await _account(database, name)
    if account is None or account.disabled_at is not None:
        why = "no account has that name" if account is None else "that account is disabled"
        refusal = NotLetIn(f"The single sign-on says that you are {name}, and {why} here: ask an admin of Signalist.")
        stranger = User(account.id if account else None, name, Role.VIEWER, address)
        # On record as often as a failed login could be: a page that tries again and again would fill it.
        with suppress(TooManyAttempts):
            await logins.count_attempt(database, f"single sign-on {neighbourhood(address)}", fingerprint(name), now)
            await note(database, Deed(stranger, "browser", Action.LOG_IN, name, dict(_VIA)), "refused", str(refusal))
        raise refusal
    user = User(account.id, account.name, account.role, address)
    async with recorded(database, user, "browser", Action.LOG_IN, name, **_VIA) as recording:
        return await logins.begin(
            recording.session,
            user,
            account.id,
            user_agent=user_agent,
            replaces=replaces,
            now=now,
            prefix=PREFIX,
        )


async def _account(database: Database, name: str) -> Account | None:
    async with database.session() as session:
        return await users.by_name(session, name)


async def _welcome(database: Database, name: str, role: Role) -> None:
    # A password that nobody knows: a login with that name takes as long as any other, and fails.
    password_hash = await passwords.hashed(passwords.invented())
    how = {"change": "added", "role": role, **_VIA}
    async with recorded(database, SYSTEM, "system", Action.MANAGE_USERS, name, **how) as recording:
        if await users.add(recording.session, name=name, role=role, password_hash=password_hash) is None:
            recording.details["change"] = "there already"


_VIA = {"via": "single sign-on"}

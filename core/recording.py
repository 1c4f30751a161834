"""Who did what, from where, to what, with what outcome."""

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from core.access import Action, Role, User, require
from core.accounts import throttle
from core.db import Database
from core.errors import Forbidden, NotLoggedIn, SignalistError, Unavailable
from core.queries import login_failures, records
from core.redaction import redact, redacted

Face = Literal["browser", "api", "cli", "system"]
Outcome = Literal["done", "refused", "failed"]

log = structlog.get_logger(__name__)


class NotRecorded(Unavailable):
    """The record of actions cannot be written, and nothing is done that leaves no record."""


@dataclass
class Recording:
    """What the body of `recorded` works with.

    What it writes through `session` is committed together with the record, or not at all. It may put into `details`
    what only the outcome tells (counts, ids): JSON values, in which secrets are blacked out. `user` is who may do it,
    and does.
    """

    session: AsyncSession
    details: dict[str, Any]
    user: User


@dataclass(frozen=True)
class Deed:
    """One row to be: everything about an action but how it went."""

    user: User | None
    face: Face
    action: Action
    target: str
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def actor(self) -> str:
        return self.user.name if self.user else "anonymous"


@asynccontextmanager
async def recorded(
    database: Database, user: User | None, face: Face, action: Action, target: str, /, **details: Any
) -> AsyncIterator[Recording]:
    """Asks `require(user, action)`, lets the body act, and writes one row: done, refused or failed.

    An action that cannot be recorded is not begun, and its writes through `Recording.session` are undone when the
    record cannot be written at the end: an unseen change to a running pipeline is worse than a change that has to be
    asked for again, and an attacker who can break the record must gain nothing by it.

    Raises NotLoggedIn, Forbidden, NotRecorded, DatabaseUnavailable, and whatever the body raises.
    """
    deed = Deed(user, face, action, target, details)
    async with attempted(database, deed) as allowed, committed(database, deed, allowed) as recording:
        yield recording


@asynccontextmanager
async def attempted(database: Database, deed: Deed) -> AsyncIterator[User]:
    """Asks `require`, and writes a row about what the body raises. What goes well is for `committed`, inside it.

    For a verb that has to look around with sessions of its own first: one that held the record's meanwhile would need
    two connections, and ten of them at once would wait for each other.
    """
    try:
        yield require(deed.user, deed.action)
    except (Forbidden, NotLoggedIn) as refusal:
        await refused(database, deed, str(refusal))
        raise
    except BaseException as error:
        # Whoever may only look could fail again and again as well, with their own password and sessions.
        only_looks = deed.user is None or deed.user.role is Role.VIEWER
        await note(database, deed, "failed", _sentence(error), sparingly=only_looks)
        raise


@asynccontextmanager
async def committed(database: Database, deed: Deed, user: User) -> AsyncIterator[Recording]:
    """What the body writes is committed with the row that says it was done, or not at all."""
    async with database.session() as session:
        if not await records.writable(session):
            raise NotRecorded
        yield Recording(session, deed.details, user)
        await _add(session, deed, "done")


async def refused(database: Database, deed: Deed, error: str) -> None:
    """Writes a row about a refusal: of one person at one address twenty in a quarter of an hour; the log has the rest.

    Nobody deletes rows, and to be refused costs nothing: who asks again and again would fill the disk.
    """
    await note(database, deed, "refused", error, sparingly=True)


async def note(database: Database, deed: Deed, outcome: Outcome, error: str, *, sparingly: bool = False) -> None:
    """Writes a row about something that did not happen; `sparingly`: as `refused` does.

    It was refused or failed already, and that error must reach the caller, whatever keeps the row from being written:
    the log has it then.
    """
    deed.details["error"] = error
    told = {"actor": deed.actor, "face": deed.face, "action": deed.action.value, "target": deed.target}
    told |= {"outcome": outcome, "reason": error}
    try:
        async with database.session() as session:
            if not sparingly or await _is_due(session, deed):
                await _add(session, deed, outcome)
            else:
                log.warning("An action was not recorded again.", **told)
    except Exception as cause:
        log.error(  # noqa: TRY400 - the trace of a server that is away says nothing
            "An action could not be recorded.",
            **told,
            exc_info=None if isinstance(cause, SignalistError) else cause,
        )


async def _is_due(session: AsyncSession, deed: Deed) -> bool:
    now = dt.datetime.now(dt.UTC)
    origin = f"on record {deed.actor} {throttle.neighbourhood(deed.user.address or '') if deed.user else ''}"
    before = await login_failures.hold(session, origin, login_failures.ALL, now)
    if throttle.wait_of_all(before, now):
        return False
    after = throttle.one_more(before, throttle.ADDRESS_PAUSE, now)
    await login_failures.put(session, origin, login_failures.ALL, after)
    return True


async def _add(session: AsyncSession, deed: Deed, outcome: Outcome) -> None:
    await records.add(
        session,
        actor=deed.actor,
        address=deed.user.address if deed.user else None,
        face=deed.face,
        action=deed.action.value,
        target=redact(deed.target),
        outcome=outcome,
        details=redacted(deed.details),
    )


def _sentence(error: BaseException) -> str:
    # Only our own errors are written for people; the text of any other may hold a secret.
    return str(error) if isinstance(error, SignalistError) else type(error).__name__

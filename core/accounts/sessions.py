"""Open sessions: one's own, and everybody's."""

import datetime as dt
import uuid

from core.access import Action, User, require
from core.accounts.names import normal
from core.db import Database
from core.errors import NotFound
from core.queries import sessions, users
from core.queries.sessions import SessionRow
from core.recording import Face, recorded


async def of_everyone(database: Database, by: User | None, *, now: dt.datetime) -> tuple[SessionRow, ...]:
    """Every open session, the latest seen first."""
    require(by, Action.END_SESSIONS)
    async with database.session() as session:
        return await sessions.open_now(session, now)


async def own(database: Database, by: User | None, *, now: dt.datetime) -> tuple[SessionRow, ...]:
    """One's own open sessions, the latest seen first. A program has none."""
    user = require(by, Action.END_OWN_SESSIONS)
    if user.id is None:
        return ()
    async with database.session() as session:
        return await sessions.open_now(session, now, of=user.id)


async def end(database: Database, by: User | None, face: Face, *, session_id: uuid.UUID) -> None:
    """Ends a session; its pages close within two seconds.

    Anybody's own is theirs to end, those of others an admin's: who is none does not learn whether there is such a
    session. Raises NotFound when it has ended already.
    """
    async with database.session() as session:
        whose = await sessions.whose(session, session_id)
    owner, name = whose or (None, str(session_id))
    is_own = by is not None and by.id is not None and by.id == owner
    action = Action.END_OWN_SESSIONS if is_own else Action.END_SESSIONS
    async with recorded(database, by, face, action, name, id=str(session_id)) as recording:
        if not await sessions.end(recording.session, session_id):
            raise NotFound("That session has ended already.")


async def end_others(database: Database, by: User | None, face: Face, *, keep: uuid.UUID | None) -> int:
    """Ends one's own sessions but for `keep`, the one in use. Returns how many."""
    async with recorded(database, by, face, Action.END_OWN_SESSIONS, by.name if by else "") as recording:
        ended = 0
        if recording.user.id is not None:
            ended = await sessions.end_of_user(recording.session, recording.user.id, but=keep)
        recording.details["ended"] = ended
        return ended


async def end_all_of(database: Database, by: User | None, face: Face, *, name: str) -> int:
    """Ends every session of that person. Returns how many. Raises NotFound when there is no such account."""
    name = normal(name)
    async with recorded(database, by, face, Action.END_SESSIONS, name) as recording:
        account = await users.by_name(recording.session, name)
        if account is None:
            raise NotFound(f"There is no account {name}.")
        ended = await sessions.end_of_user(recording.session, account.id)
        recording.details["ended"] = ended
        return ended

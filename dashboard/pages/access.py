"""Who may come in: people, their sessions, and the keys of programs.

Who is no admin finds their own sessions and their own password.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from core.access import Action
from core.accounts import people, sessions, tokens
from core.phrases import counted
from core.queries.sessions import SessionRow
from core.queries.tokens import TokenRow
from core.queries.users import UserRow
from dashboard import acting, shell
from dashboard.components.own_password import OwnPassword
from dashboard.components.part import Part
from dashboard.components.people_table import PeopleTable
from dashboard.components.person_dialog import PersonDialog
from dashboard.components.session_table import SessionTable
from dashboard.components.shown_once import ShownOnce
from dashboard.components.token_table import TokenTable, valid
from dashboard.connection import vouched_name
from dashboard.context import context
from dashboard.guard import current_user
from dashboard.shell import Frame

PATH = "/access"


@dataclass(frozen=True)
class Access:
    people: tuple[UserRow, ...]
    sessions: tuple[SessionRow, ...]
    tokens: tuple[TokenRow, ...]


async def access() -> None:
    if not acting.allowed(Action.MANAGE_USERS):
        await _own()
        return
    with shell.frame(PATH, "Access", "Reading…") as frame:

        def say(found: Access) -> None:
            frame.heading.say(headline(found))
            frame.lede.say(lede(found))

        tables = _Tables(lambda: part.again(anew=False), say)
        part = Part(frame, _read, tables.draw, tables.update)
        _own_password(frame)
    # Sessions come and go by themselves: they are read again with every snapshot, as far as the part allows.
    part.follow(frame, lambda snapshot: snapshot.at)
    await part.open()


async def _own() -> None:
    user = current_user()
    said = f"You are {user.name}, {user.role}. An admin manages the rest: people, roles, sessions and tokens."
    with shell.frame(PATH, "Access", said) as frame:
        own = _OwnSessions(lambda: part.again(anew=False))
        part = Part(frame, _read_own, own.draw, own.update)
        _own_password(frame)
    part.follow(frame, lambda snapshot: snapshot.at)
    await part.open()


def _own_password(frame: Frame) -> None:
    request = frame.client.request
    if request is None or vouched_name(request) is None:
        OwnPassword()


async def _read() -> Access:
    database, user, _ = await acting.recording_to()
    now = acting.now()
    return Access(
        await people.everyone(database, user, now=now),
        await sessions.of_everyone(database, user, now=now),
        await tokens.everything(database, user),
    )


async def _read_own() -> tuple[SessionRow, ...]:
    database, user, _ = await acting.recording_to()
    return await sessions.own(database, user, now=acting.now())


class _OwnSessions:
    def __init__(self, changed: Callable[[], Awaitable[None]]) -> None:
        self._changed = changed
        self._table: SessionTable | None = None

    def draw(self, found: tuple[SessionRow, ...]) -> None:
        self._table = SessionTable(self._changed, "Your sessions")
        self.update(found)

    def update(self, found: tuple[SessionRow, ...]) -> bool:
        if self._table is None:
            return False
        self._table.show(found)
        return True


class _Tables:
    def __init__(self, changed: Callable[[], Awaitable[None]], say: Callable[[Access], None]) -> None:
        self._changed, self._say = changed, say
        # Dialogs stay when the tables are drawn anew: one may be open.
        self._once = ShownOnce()
        self._dialog = PersonDialog(changed, self._once)
        self._tables: tuple[PeopleTable, SessionTable, TokenTable] | None = None

    def draw(self, found: Access) -> None:
        self._tables = PeopleTable(self._dialog), SessionTable(self._changed), TokenTable(self._changed, self._once)
        self.update(found)

    def update(self, found: Access) -> bool:
        if self._tables is None:
            return False
        self._say(found)
        everyone, logged_in, keys = self._tables
        everyone.show(found.people)
        logged_in.show(found.sessions)
        keys.show(found.tokens)
        return True


def headline(found: Access) -> str:
    """`3 people, 2 sessions, 1 token`."""
    number = sum(valid(row, acting.now()) for row in found.tokens)
    persons = "1 person" if len(found.people) == 1 else f"{len(found.people):,} people"
    return f"{persons}, {counted(len(found.sessions), 'session')}, {counted(number, 'valid token')}"


def lede(found: Access) -> str:
    """Who can let others in, and who is kept out."""
    admins = sum(row.role == "admin" and row.disabled_at is None for row in found.people)
    disabled = sum(row.disabled_at is not None for row in found.people)
    shut_out = " 1 person is disabled." if disabled == 1 else f" {disabled:,} people are disabled." if disabled else ""
    chosen = context().settings
    header = f" The single sign-on names people in {chosen.sso_header}." if chosen.sso_proxies else ""
    return f"{counted(admins, 'admin')} can change what is here.{shut_out}{header}"

"""Who may come in: people, their sessions, and the keys of programs. Who is no admin finds their own password."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from core.access import Action
from core.accounts import people, tokens
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
from dashboard.guard import current_user

PATH = "/access"


@dataclass(frozen=True)
class Access:
    people: tuple[UserRow, ...]
    sessions: tuple[SessionRow, ...]
    tokens: tuple[TokenRow, ...]


async def access() -> None:
    if not acting.allowed(Action.MANAGE_USERS):
        user = current_user()
        said = f"You are {user.name}, {user.role}. An admin manages the rest: people, roles, sessions and tokens."
        with shell.frame(PATH, "Access", said):
            OwnPassword()
        return
    with shell.frame(PATH, "Access", "Reading…") as frame:

        def say(found: Access) -> None:
            frame.heading.say(headline(found))
            frame.lede.say(lede(found))

        tables = _Tables(lambda: part.again(anew=False), say)
        part = Part(frame, _read, tables.draw, tables.update)
        OwnPassword()
    # Sessions come and go by themselves: they are read again with every snapshot, as far as the part allows.
    part.follow(frame, lambda snapshot: snapshot.at)
    await part.open()


async def _read() -> Access:
    database, user, _ = await acting.recording_to()
    now = acting.now()
    return Access(
        await people.everyone(database, user, now=now),
        await people.open_sessions(database, user, now=now),
        await tokens.everything(database, user),
    )


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
        everyone, sessions, keys = self._tables
        everyone.show(found.people)
        sessions.show(found.sessions)
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
    return f"{counted(admins, 'admin')} can change what is here.{shut_out}"

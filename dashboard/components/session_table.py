"""Open sessions, one a row. Ending the one in use is asked first."""

from collections.abc import Awaitable, Callable, Sequence

from core.accounts import sessions
from core.phrases import counted
from core.queries.sessions import SessionRow
from dashboard import acting
from dashboard.components.forms import Dialog
from dashboard.components.html import Text, age, box, button, set_age
from dashboard.components.row_table import RowTable
from dashboard.notices import notice
from dashboard.presence import current_session, current_user


class SessionTable:
    """`changed` reads the page again."""

    def __init__(self, changed: Callable[[], Awaitable[None]], title: str = "Sessions") -> None:
        self._changed = changed
        self._dialog = Dialog("End a session")
        with box("section", "card below") as card:
            card.props["aria-labelledby"] = "sessions"
            with box(classes="head"):
                Text("h2", title).props("id=sessions")
                self._others = button("End my other sessions", self._end_others, command="End my other sessions")
            columns = ("Who", "Address", "Browser", "Since", "Last seen")
            self._table = RowTable(title, columns, self._row, nothing="Nobody is logged in.")

    def show(self, rows: Sequence[SessionRow]) -> None:
        mine, this = current_user().id, current_session()
        self._others.set_visibility(any(row.user_id == mine and row.id != this for row in rows))
        self._table.show(rows)

    def _row(self, first: SessionRow) -> Callable[[SessionRow], None]:
        with box("tr"):
            with box("td", "what"):
                Text("b", first.user_name)
                if first.id == current_session():
                    Text("span", " this session", "under")
            Text("td", first.address or "–", "soft-wide").props("data-label=from")
            Text("td", first.user_agent or "–", "wrap under")
            with box("td", "soft-wide").props("data-label=since"):
                age(first.created_at, suffix=" ago")
            with box("td", "soft-wide").props("data-label=seen"):
                seen = age(None, suffix=" ago")
            with box("td", "r acts"):
                element = button("End", lambda: self._ask(first), "small danger")
                element.props["aria-label"] = f"End the session of {first.user_name}"

        return lambda row: set_age(seen, row.last_seen_at)

    async def _ask(self, row: SessionRow) -> None:
        if row.id != current_session():
            await self._end(row)
            return

        def draw() -> None:
            Text("p", "It is the one that you are looking through: you will have to log in again.")
            with box(classes="actions end"):
                self._dialog.cancel()
                button("End it", lambda: self._end(row), "danger")

        self._dialog.open("End your own session?", draw)

    async def _end(self, row: SessionRow) -> None:
        await sessions.end(*await acting.recording_to(), session_id=row.id)
        self._dialog.close()
        notice(f"A session of {row.user_name} has ended.")
        await self._changed()

    async def _end_others(self) -> None:
        ended = await sessions.end_others(*await acting.recording_to(), keep=current_session())
        notice(f"{counted(ended, 'other session')} of yours ended; this one stays.")
        await self._changed()

"""Who may log in, one person a row."""

from collections.abc import Callable, Sequence

from core.phrases import counted
from core.queries.users import UserRow
from dashboard.components.html import Text, age, box, button, set_age
from dashboard.components.person_dialog import PersonDialog
from dashboard.components.row_table import RowTable
from dashboard.guard import current_user


class PeopleTable:
    def __init__(self, dialog: PersonDialog) -> None:
        self._dialog = dialog
        with box("section", "card below") as card:
            card.props["aria-labelledby"] = "people"
            with box(classes="head"):
                Text("h2", "People").props("id=people")
                button("Add a person", dialog.add, "primary", command="Add a person")
            self._table = RowTable("People", ("Name", "Role", "State", "Sessions", "Last seen"), self._row, most=500)

    def show(self, people: Sequence[UserRow]) -> None:
        self._table.show(people)

    def _row(self, first: UserRow) -> Callable[[UserRow], None]:
        latest = [first]

        async def manage() -> None:
            self._dialog.open(latest[0])

        with box("tr"):
            with box("td", "what"):
                Text("b", first.name)
                if first.id == current_user().id:
                    Text("span", " you", "under")
            role, state = Text("td"), Text("td")
            sessions = Text("td", "", "soft-wide")
            with box("td", "soft-wide").props("data-label=seen"):
                seen = age(None, suffix=" ago", unknown="never")
            with box("td", "r acts"):
                button("Manage…", manage, "small").props["aria-label"] = f"Manage {first.name}"

        def show(row: UserRow) -> None:
            latest[0] = row
            role.say(row.role)
            state.say("‖ disabled" if row.disabled_at else "● enabled")
            state.classes(replace="warn" if row.disabled_at else "ok")
            sessions.say(counted(row.sessions, "session") if row.sessions else "no session")
            set_age(seen, row.last_seen_at)

        return show

"""One person: adding them, and all that can be done about their account. What one does to oneself is asked first."""

from collections.abc import Awaitable, Callable

from core.access import Role
from core.accounts import passwords, people
from core.queries.users import UserRow
from dashboard import acting
from dashboard.components.forms import Dialog, Field, Select, secret
from dashboard.components.html import Text, age, box, button, link
from dashboard.components.shown_once import ShownOnce
from dashboard.guard import current_user
from dashboard.notices import Tone, notice
from dashboard.urls import url

ROLES: dict[str, str] = {
    Role.VIEWER: "viewer: reads",
    Role.OPERATOR: "operator: acts",
    Role.ADMIN: "admin: also manages people",
}
INVENTED = "Left empty, one is invented and shown once."


class PersonDialog:
    """`changed` reads the page again."""

    def __init__(self, changed: Callable[[], Awaitable[None]], once: ShownOnce) -> None:
        self._changed, self._once = changed, once
        self._dialog = Dialog("People")

    async def add(self) -> None:
        self._dialog.open("Add a person", self._draw_new)

    def open(self, person: UserRow) -> None:
        self._dialog.open(person.name, lambda: self._draw(person))

    def _draw_new(self) -> None:
        name = Field("Name")
        name.element.props["maxlength"], name.element.props["autocomplete"] = 64, "off"
        role = Select("Role", ROLES, Role.VIEWER)
        password = secret(Field("Password"), "new-password")
        Text("p", INVENTED, "under")
        with box(classes="actions end"):
            self._dialog.cancel()
            button("Add", lambda: self._add(name.value, Role(role.value), password.value), "primary")

    async def _add(self, name: str, role: Role, typed: str) -> None:
        password = typed or passwords.invented()
        await people.add(*await acting.recording_to(), name=name, role=role, password=password)
        self._dialog.close()
        if typed:
            notice(f"{name.strip()} can log in as {role}.")
        else:
            self._once.open(f"The password of {name.strip()}", password, f"It logs in as {role}.")
        await self._changed()

    def _draw(self, person: UserRow) -> None:
        with box("dl", "facts"):
            Text("dt", "State")
            Text("dd", "‖ disabled" if person.disabled_at else "● enabled", "warn" if person.disabled_at else "ok")
            Text("dt", "Added")
            age(person.created_at, suffix=" ago", tag="dd")
            Text("dt", "Last seen")
            age(person.last_seen_at, suffix=" ago", tag="dd", unknown="never")
        role = Select("Role", ROLES, person.role)
        with box(classes="actions end"):
            button("Password…", lambda: self._ask_password(person))
            link("What they did", url("/record", actor=person.name), "btn")
            box(classes="space")
            if person.disabled_at:
                button("Enable", lambda: self._enable(person))
            else:
                button("Disable", lambda: self._ask_disable(person), "danger")
            button("Save", lambda: self._ask_role(person, Role(role.value)), "primary")

    async def _ask_role(self, person: UserRow, role: Role) -> None:
        if role is not person.role and _oneself(person) and not role.includes(person.role):
            said = f"You are {person.role} now. As {role} you cannot undo this: another admin has to."
            self._ask("Take your own role away?", said, f"Become {role}", lambda: self._role(person, role))
        else:
            await self._role(person, role)

    async def _role(self, person: UserRow, role: Role) -> None:
        await people.change_role(*await acting.recording_to(), name=person.name, role=role)
        await self._done(f"{person.name} is {role} now.")

    async def _ask_disable(self, person: UserRow) -> None:
        if _oneself(person):
            said = "Your sessions end, this one too, and you cannot log in again until another admin enables you."
            self._ask("Disable your own account?", said, "Disable me", lambda: self._disable(person))
        else:
            await self._disable(person)

    async def _disable(self, person: UserRow) -> None:
        tokens = await people.disable(*await acting.recording_to(), name=person.name, now=acting.now())
        await self._done(people.disabled(person.name, tokens), "warning" if tokens else "positive")

    async def _enable(self, person: UserRow) -> None:
        await people.enable(*await acting.recording_to(), name=person.name)
        await self._done(f"{person.name} can log in again.")

    async def _ask_password(self, person: UserRow) -> None:
        def draw() -> None:
            password = secret(Field("New password"), "new-password")
            Text("p", INVENTED, "under")
            whose = "All your sessions end, this one too." if _oneself(person) else "All sessions of theirs end."
            Text("p", whose)
            with box(classes="actions end"):
                self._dialog.cancel()
                button("Set it", lambda: self._password(person, password.value), "primary")

        self._dialog.open(f"A new password for {person.name}", draw)

    async def _password(self, person: UserRow, typed: str) -> None:
        password = typed or passwords.invented()
        await people.give_password(*await acting.recording_to(), name=person.name, password=password)
        if not typed:
            self._once.open(f"The password of {person.name}", password, "Every session with the old one has ended.")
        await self._done(f"{person.name} has a new password, and every session of theirs has ended.")

    def _ask(self, title: str, sentence: str, verb: str, act: Callable[[], Awaitable[None]]) -> None:
        def draw() -> None:
            Text("p", sentence)
            with box(classes="actions end"):
                self._dialog.cancel()
                button(verb, act, "danger")

        self._dialog.open(title, draw)

    async def _done(self, sentence: str, tone: Tone = "positive") -> None:
        self._dialog.close()
        notice(sentence, tone)
        await self._changed()


def _oneself(person: UserRow) -> bool:
    return person.id == current_user().id

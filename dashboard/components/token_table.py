"""Keys for programs, one a row; those that still open something come first."""

import datetime as dt
from collections.abc import Awaitable, Callable, Sequence

from core.access import Role
from core.accounts import tokens
from core.errors import BadRequest
from core.queries.tokens import TokenRow
from dashboard import acting
from dashboard.components.forms import Dialog, Field, Select
from dashboard.components.html import Text, age, box, button, set_age
from dashboard.components.person_dialog import ROLES
from dashboard.components.row_table import RowTable
from dashboard.components.shown_once import ShownOnce
from dashboard.notices import notice


class TokenTable:
    """`changed` reads the page again."""

    def __init__(self, changed: Callable[[], Awaitable[None]], once: ShownOnce) -> None:
        self._changed, self._once = changed, once
        self._dialog = Dialog("API tokens")
        with box("section", "card below") as card:
            card.props["aria-labelledby"] = "tokens"
            with box(classes="head"):
                Text("h2", "API tokens").props("id=tokens")
                button("Create a token", self._new, command="Create an API token")
            columns = ("Name", "Role", "State", "Last used", "Expires")
            self._table = RowTable("API tokens", columns, self._row, nothing="There is none: programs are kept out.")

    def show(self, found: Sequence[TokenRow]) -> None:
        now = acting.now()
        self._table.show(sorted(found, key=lambda row: not valid(row, now)))

    def _row(self, first: TokenRow) -> Callable[[TokenRow], None]:
        with box("tr"):
            with box("td", "what"):
                Text("b", first.name)
                with box(classes="under"):
                    Text("span", f"made by {first.created_by} ")
                    age(first.created_at, suffix=" ago")
            Text("td", first.role)
            state = Text("td")
            with box("td", "soft-wide").props("data-label=used"):
                used = age(None, suffix=" ago", unknown="never")
            Text("td", expiry(first), "soft-wide").props("data-label=expires")
            with box("td", "r acts"):
                revoke = button("Revoke…", lambda: self._ask(first), "small danger")
                revoke.props["aria-label"] = f"Revoke {first.name}"

        def show(row: TokenRow) -> None:
            word, tone = said(row, acting.now())
            state.say(word)
            state.classes(replace=tone)
            set_age(used, row.last_used_at)
            revoke.set_visibility(row.revoked_at is None)

        return show

    async def _new(self) -> None:
        def draw() -> None:
            name = Field("What it is for")
            name.element.props["maxlength"], name.element.props["autocomplete"] = 64, "off"
            role = Select("Role", ROLES, Role.VIEWER)
            days = Field("Days that it is valid")
            days.element.props["type"], days.element.props["min"] = "number", 1
            Text("p", "Left empty, it is valid until it is revoked.", "under")
            with box(classes="actions end"):
                self._dialog.cancel()
                button("Create", lambda: self._create(name.value, Role(role.value), days.value), "primary")

        self._dialog.open("Create a token", draw)

    async def _create(self, name: str, role: Role, days: str) -> None:
        now = acting.now()
        made = await tokens.create(*await acting.recording_to(), name=name, role=role, now=now, lifetime=lifetime(days))
        self._dialog.close()
        sentence = f"A program that sends it acts as {made.token.role}."
        self._once.open(f"The token {made.token.name}", made.secret, sentence)
        await self._changed()

    async def _ask(self, row: TokenRow) -> None:
        def draw() -> None:
            Text("p", "Whatever uses it is refused from the next request on. This cannot be undone.")
            with box(classes="actions end"):
                self._dialog.cancel()
                button("Revoke it", lambda: self._revoke(row), "danger")

        self._dialog.open(f"Revoke the token {row.name}?", draw)

    async def _revoke(self, row: TokenRow) -> None:
        await tokens.revoke(*await acting.recording_to(), token_id=row.id, now=acting.now())
        self._dialog.close()
        notice(f"The token {row.name} is revoked.")
        await self._changed()


def valid(row: TokenRow, now: dt.datetime) -> bool:
    """Whether it opens anything."""
    return row.revoked_at is None and (row.expires_at is None or row.expires_at > now)


def said(row: TokenRow, now: dt.datetime) -> tuple[str, str]:
    """Word with icon, and tone."""
    if row.revoked_at is not None:
        return "✕ revoked", "mute"
    return ("● valid", "ok") if valid(row, now) else ("‖ expired", "warn")


def expiry(row: TokenRow) -> str:
    """`2026-05-01`, or `never`."""
    return "never" if row.expires_at is None else f"{row.expires_at.astimezone():%Y-%m-%d}"


def lifetime(days: str) -> dt.timedelta | None:
    """What was typed; None: until it is revoked."""
    if not days.strip():
        return None
    try:
        return dt.timedelta(days=int(days))
    except (ValueError, OverflowError):
        raise BadRequest("Days are a whole number.") from None

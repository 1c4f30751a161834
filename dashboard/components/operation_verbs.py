"""What a person can do about an operation: approve, dismiss or cancel, pause, resume, hand over."""

import uuid
from collections.abc import Awaitable, Callable

from nicegui import ui

from core.access import Action
from core.attention import Attention
from core.operations import approve, cancel, note, pause, planning
from core.operations.kind import World
from core.operations.kinds import KINDS
from core.operations.states import ENDED, HELD, State
from core.queries import operation_lines
from core.queries.operations import OperationRow
from dashboard import acting
from dashboard.components.attention_list import OneClick
from dashboard.components.forms import Dialog, Field
from dashboard.components.html import Text, box, button, link, prose
from dashboard.context import context
from dashboard.guard import current_user
from dashboard.notices import notice
from dashboard.urls import url

Again = Callable[[], Awaitable[None]]
_DO = {
    "rebuild index": "Approve and rebuild",
    "drop invalid index": "Approve and drop",
    "upgrade schema": "Approve and migrate",
    "downgrade schema": "Approve and downgrade",
    "embed articles": "Approve and embed",
}


def approve_words(kind: str, title: str) -> str:
    """What the button says: `Approve and rebuild`, or `build` where there is nothing yet."""
    words = _DO.get(kind, "Approve")
    return words.replace("rebuild", "build") if title.startswith("Build ") else words


def world() -> World:
    """What operations look at and change, as this process reaches it."""
    return World(context().settings, context().database, context().redis)


def approving(item: Attention) -> OneClick | None:
    """The one click of a plan in the list of what needs attention."""
    if item.operation is None or not acting.allowed(Action.APPROVE_OPERATION):
        return None
    operation, read_hash = item.operation, item.plan_hash
    return OneClick(approve_words(item.kind_of_operation, item.headline), lambda: _approve(operation, read_hash))


async def _approve(operation: uuid.UUID, read_hash: str, phrase: str = "") -> None:
    _, user, face = await acting.recording_to()
    row = await approve.approve(world(), user, face, operation, read_hash=read_hash, phrase=phrase)
    if row.waits_for_second:
        notice("Approved. A second person must approve it, too.", "warning")
    else:
        notice("Approved. A worker takes it up.")
    if row.state is not State.PROPOSED:
        ui.navigate.to(f"/operations/{operation}")


class OperationVerbs:
    """The buttons of one operation; `again` reads the page anew. `change` opens what changes the plan, if it can be."""

    def __init__(self, again: Again, change: Callable[[OperationRow], Awaitable[None]] | None = None) -> None:
        self._again, self._change = again, change
        self._dialog = Dialog("Approve")

    def draw(self, row: OperationRow) -> None:
        """The buttons that this state allows, here."""
        with box(classes="actions"):
            if row.state is State.PROPOSED:
                self._of_proposal(row)
            elif row.state in HELD or row.state is State.APPROVED:
                self._of_running(row)
            elif row.state is State.PAUSED and acting.allowed(Action.APPROVE_OPERATION):
                button("Resume", lambda: self._resume(row), "primary", command=f"Resume: {row.title}")
                button("Cancel", lambda: self._cancel(row), "danger")
            elif row.state in ENDED and row.state is not State.DONE and acting.allowed(Action.PLAN_OPERATION):
                button("Plan anew", lambda: self._plan_anew(row), command=f"Plan anew: {row.title}")
            box(classes="space")
            button("Copy hand-over note", lambda: self._copy(row), command="Copy the hand-over note")
            if acting.allowed(Action.READ_RECORD):
                link("On record", url("/record", q=row.id), "btn")

    def _of_proposal(self, row: OperationRow) -> None:
        needed = Action.APPROVE_LOSS if row.plan.loses else Action.APPROVE_OPERATION
        if row.waits_for_second and row.approved_by == current_user().name:
            Text("span", "You have approved this: another person must, too.", "mute")
        elif acting.allowed(needed) and not row.expired:
            words = approve_words(row.kind, row.title)
            careful = row.plan.phrase or any(danger.severity == "danger" for danger in row.plan.dangers)
            act = self._ask if careful else self._yes
            button(words, lambda: act(row), "danger" if careful else "primary", command=f"{words}: {row.title}")
        elif row.plan.loses and acting.allowed(Action.APPROVE_OPERATION):
            Text("span", "It loses data: an admin has to approve it.", "mute")
        if acting.allowed(Action.PLAN_OPERATION):
            if self._change is not None and row.kind == "rebuild index":
                change = self._change
                alter = Text("button", "Change plan", "btn").props("type=button")
                alter.on("click", lambda: change(row))
            elif row.expired:
                button("Plan anew", lambda: self._plan_anew(row), "primary")
        if acting.allowed(Action.CANCEL_OPERATION):
            button("Dismiss", lambda: self._cancel(row), command=f"Dismiss: {row.title}")

    def _of_running(self, row: OperationRow) -> None:
        if not acting.allowed(Action.CANCEL_OPERATION) or row.state is State.ROLLING_BACK:
            return
        if row.stop:
            Text("span", f"{row.stop_by} wants it to {row.stop}; it stops at the next safe place.", "mute")
            return
        if KINDS[row.kind].can_pause and row.state is State.RUNNING:
            button("Pause", lambda: self._pause(row), command=f"Pause: {row.title}")
        button("Cancel", lambda: self._cancel(row), "danger", command=f"Cancel: {row.title}")

    async def _yes(self, row: OperationRow) -> None:
        await _approve(row.id, row.plan_hash)
        await self._again()

    async def _ask(self, row: OperationRow) -> None:
        typed: list[Field] = []

        def draw() -> None:
            for danger in row.plan.dangers:
                Text("p", f"▲ {danger.text}", "bad" if danger.severity == "danger" else "warn")
            prose("p", f"Way back: {row.plan.rollback}.")
            if row.plan.phrase:
                typed.append(Field(f"Type {row.plan.phrase} to approve it"))

        async def yes() -> None:
            await _approve(row.id, row.plan_hash, typed[0].value if typed else "")
            self._dialog.close()
            await self._again()

        def buttons() -> None:
            with box(classes="actions"):
                button(approve_words(row.kind, row.title), yes, "danger")
                self._dialog.cancel()

        self._dialog.open(row.title, draw, buttons)

    async def _cancel(self, row: OperationRow) -> None:
        _, user, face = await acting.recording_to()
        now = await cancel.cancel(world(), user, face, row.id)
        notice(f"Cancelling. Way back: {now.plan.rollback}." if now.state in HELD else f"{now.outcome}")
        await self._again()

    async def _pause(self, row: OperationRow) -> None:
        _, user, face = await acting.recording_to()
        await pause.pause(world(), user, face, row.id)
        await self._again()

    async def _resume(self, row: OperationRow) -> None:
        _, user, face = await acting.recording_to()
        await pause.resume(world(), user, face, row.id)
        await self._again()

    async def _plan_anew(self, row: OperationRow) -> None:
        _, user, face = await acting.recording_to()
        asked = {key: value for key, value in row.parameters.items() if key != "mark"}
        replaces = row.id if row.state is State.PROPOSED else None
        made = await planning.plan(world(), user, face, row.kind, asked, replaces=replaces)
        ui.navigate.to(f"/operations/{made.id}")

    async def _copy(self, row: OperationRow) -> None:
        async with context().database.session() as session:
            lines = await operation_lines.since(session, row.id)
        ui.clipboard.write(note.note(row, lines))
        notice("The note is in the clipboard, as Markdown.")

"""The schema: where it stands, what is pending and what it would do, and moving it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from nicegui import ui

from core.access import Action
from core.migrations import MigrationStatus, compare, drift
from core.migrations import story as stories
from core.migrations.story import Story
from core.operations import planning
from core.operations.states import ACTIVE
from core.phrases import counted, listed
from core.queries import server
from core.queries.operations import OperationRow
from core.snapshot import Snapshot
from dashboard import acting, shell
from dashboard.components.forms import Dialog
from dashboard.components.html import Text, box, button
from dashboard.components.operation_card import operation_card
from dashboard.components.operation_verbs import OperationVerbs, world
from dashboard.components.part import Part
from dashboard.components.revision_list import revision_list
from dashboard.context import context

KINDS = ("upgrade schema", "downgrade schema")


@dataclass(frozen=True)
class _Shown:
    status: MigrationStatus
    stories: Sequence[Story]
    drift: Sequence[str]
    operation: OperationRow | None


async def migrations() -> None:
    with shell.frame("/migrations", "Migrations", "Reading…") as frame:
        page = _Page(frame)
    await page.part.open()


class _Page:
    def __init__(self, frame: shell.Frame) -> None:
        self._frame = frame
        self._dialog = Dialog("Go back")
        self.part = Part(frame, self._read, self._draw)
        self._verbs = OperationVerbs(self.part.again)
        self.part.follow(frame, _sign)

    async def _read(self) -> _Shown:
        database = context().database
        async with database.session() as session:
            current = await server.revision(session)
        status = await asyncio.to_thread(compare, current)
        told = () if status.ahead else await stories.of_all(database)
        # What is pending differs from the models, of course.
        differs = await asyncio.to_thread(drift, database.url) if status.is_current else ()
        return _Shown(status, told, differs, await self._operation())

    async def _operation(self) -> OperationRow | None:
        snapshot = context().poller.latest
        rows = snapshot.readings.operations.value if snapshot else None
        ours = [row for row in rows or () if row.kind in KINDS]
        chosen = next((row for row in ours if row.state in ACTIVE), ours[0] if ours else None)
        return await planning.get(world(), chosen.id) if chosen else None

    def _draw(self, shown: _Shown) -> None:
        self._frame.heading.say(headline(shown.status, shown.drift))
        self._frame.lede.say(lede(shown.status, shown.drift))
        if shown.drift:
            with box(classes="banner warn"):
                Text("b", "▲ The database differs from the models: ")
                Text("span", "; ".join(shown.drift[:5]))
        if shown.operation is not None:
            operation_card(shown.operation, self._verbs)
        with box("section", "card"):
            with box(classes="head"):
                Text("h2", "Revisions")
                with box(classes="actions"):
                    self._actions(shown)
            if shown.stories:
                revision_list(shown.stories, shown.status.current)
            else:
                Text("p", f"Only newer code knows how it came to {shown.status.current}.", "empty")

    def _actions(self, shown: _Shown) -> None:
        if shown.status.ahead or shown.operation is not None or not acting.allowed(Action.PLAN_OPERATION):
            return
        if shown.status.pending:
            button("Plan the upgrade", self._plan_upgrade, "primary small", command="Plan the upgrade of the schema")
        if shown.status.current and len(shown.stories) > 1:
            back = Text("button", "Go back…", "btn small").props("type=button")
            back.on("click", lambda: self._ask(shown))

    def _ask(self, shown: _Shown) -> None:
        done = [each for each in shown.stories if each.applied][:-1]

        def draw() -> None:
            Text("p", "A plan says first what would be lost. Choose the revision to go back to.", "under")
            with box(classes="actions"):
                for each in reversed(done):
                    button(f"{each.id} {each.summary}", partial(self._plan_downgrade, each.id), "small")

        def buttons() -> None:
            with box(classes="actions"):
                self._dialog.cancel()

        self._dialog.open("Go back to an earlier revision", draw, buttons)

    async def _plan_upgrade(self) -> None:
        await self._plan("upgrade schema", "head")

    async def _plan_downgrade(self, revision: str) -> None:
        await self._plan("downgrade schema", revision)
        self._dialog.close()

    async def _plan(self, kind: str, revision: str) -> None:
        _, user, face = await acting.recording_to()
        made = await planning.plan(world(), user, face, kind, {"revision": revision})
        ui.navigate.to(f"/operations/{made.id}")


def headline(status: MigrationStatus, differs: Sequence[str]) -> str:
    """`1 revision pending`, `The schema is current`."""
    if status.ahead:
        return "The database is ahead of this version"
    if status.pending:
        return f"{counted(len(status.pending), 'revision')} pending"
    return "The schema is not what the models say" if differs else "The schema is current"


def lede(status: MigrationStatus, differs: Sequence[str]) -> str:
    if status.ahead:
        return f"It is at {status.current}, which this version does not know: newer code migrated it. Update Signalist."
    at = f"The database is at {status.current}" if status.current else "The database is empty"
    if status.pending:
        return f"{at}; {listed(status.pending)} {'waits' if len(status.pending) == 1 else 'wait'}."
    same = "and is what the models say" if not differs else "but differs from the models"
    return f"{at}, the newest revision, {same}."


def _sign(snapshot: Snapshot) -> object:
    rows = [row for row in snapshot.readings.operations.value or () if row.kind in KINDS]
    schema = snapshot.readings.migrations.value
    return (
        schema.current if schema else None,
        tuple((row.id, row.state, row.step, row.note, row.plan_hash) for row in rows),
    )

"""One operation: what it will do, does or did, live."""

import uuid
from dataclasses import dataclass

from nicegui import background_tasks

from core.operations import planning
from core.operations.states import ACTIVE, ENDED
from core.queries import operation_lines
from core.queries.operation_lines import Line
from core.queries.operations import OperationRow
from core.snapshot import Snapshot
from dashboard import shell
from dashboard.components.html import Text, box
from dashboard.components.operation_card import operation_card, state_words
from dashboard.components.operation_log import OperationLog
from dashboard.components.operation_results import operation_results
from dashboard.components.operation_verbs import OperationVerbs, world
from dashboard.components.part import Part
from dashboard.components.rebuild_dialog import RebuildDialog
from dashboard.context import context


@dataclass(frozen=True)
class _Story:
    row: OperationRow
    lines: tuple[Line, ...]


async def operation(operation_id: uuid.UUID) -> None:
    with shell.frame("/operations", "Operation", "Reading…") as frame:
        page = _Page(operation_id, frame)
    await page.part.open()


class _Page:
    def __init__(self, operation_id: uuid.UUID, frame: shell.Frame) -> None:
        self._id, self._frame = operation_id, frame
        self._log: OperationLog | None = None
        self._shown: OperationRow | None = None
        self._change = RebuildDialog()
        self.part = Part(frame, self._read, self._draw, self._update)
        self._verbs = OperationVerbs(self.part.again, self._change.open)
        self.part.follow(frame, self._sign)
        frame.follow(self._look)

    async def _read(self) -> _Story:
        row = await planning.get(world(), self._id)
        async with context().database.session() as session:
            return _Story(row, await operation_lines.since(session, self._id, self._log.last if self._log else 0))

    def _sign(self, snapshot: Snapshot) -> object:
        """Changes with every poll while it is under way, and then no more."""
        under_way = self._shown is None or self._shown.state not in ENDED
        return snapshot.at if under_way else None

    def _draw(self, story: _Story) -> None:
        self._say(story.row)
        self._place = box()
        with self._place:
            self._show(story.row)
        with box("section", "card"):
            with box(classes="head"):
                Text("h2", "Log")
            self._log = OperationLog(over=story.row.state in ENDED)
            self._log.add(story.lines)

    def _update(self, story: _Story) -> bool:
        if self._log is None:
            return False
        if story.row != self._shown:
            self._say(story.row)
            self._place.clear()
            with self._place:
                self._show(story.row)
        self._log.add(story.lines)
        return True

    def _show(self, row: OperationRow) -> None:
        operation_card(row, self._verbs, linked=False)
        operation_results(row)

    def _look(self, snapshot: Snapshot) -> None:
        """What is under way is read with every poll: more often than a part does by itself."""
        if self._log is not None and self._shown is not None and self._shown.state in ACTIVE:
            background_tasks.create(self.part.again(anew=False), name="follow an operation")

    def _say(self, row: OperationRow) -> None:
        self._shown = row
        self._frame.heading.say(row.title)
        state, said = state_words(row).strip("●▲✕‖ ").capitalize(), row.outcome or row.plan.summary
        self._frame.lede.say(said if said.startswith(state) else f"{state}. {said}")

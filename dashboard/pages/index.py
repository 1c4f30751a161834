"""The vector index: how good it is, what should be done, and doing it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from nicegui import ui

from core.access import Action
from core.indexes import measuring, report
from core.indexes.recall import target_of
from core.indexes.report import IndexReport
from core.indexes.sizing import band
from core.operations import planning
from core.operations.states import ACTIVE
from core.phrases import counted
from core.queries.operations import OperationRow
from core.queries.vector_index import SERVING
from core.snapshot import Snapshot
from dashboard import acting, shell
from dashboard.components.html import Text, box, button, link
from dashboard.components.index_table import index_facts, index_table
from dashboard.components.index_tiles import IndexTiles
from dashboard.components.operation_card import operation_card
from dashboard.components.operation_verbs import OperationVerbs, world
from dashboard.components.part import Part
from dashboard.components.rebuild_dialog import RebuildDialog
from dashboard.components.recall_chart import recall_chart
from dashboard.components.reembed_dialog import ReembedDialog
from dashboard.context import context
from dashboard.notices import notice

# The first one says where the chart stands.
REBUILD, REEMBED = "rebuild index", "embed articles"
UNDER_WAY = "a new one is being built"


async def index() -> None:
    with shell.frame("/index", "Index", "Reading…") as frame:
        page = _Page(frame)
    await page.part.open()


@dataclass(frozen=True)
class _Shown:
    report: IndexReport
    rebuild: OperationRow | None
    reembed: OperationRow | None


class _Page:
    def __init__(self, frame: shell.Frame) -> None:
        self._frame = frame
        self._dialog = RebuildDialog()
        self._reembed = ReembedDialog()
        self.part = Part(frame, self._read, self._draw)
        self._verbs = OperationVerbs(self.part.again, self._dialog.open)
        self.part.follow(frame, _sign)

    async def _read(self) -> _Shown:
        found = await report.read(context().database, context().settings.active_embedding_model)
        return _Shown(found, await _newest(REBUILD), await _newest(REEMBED))

    def _draw(self, shown: _Shown) -> None:
        found = shown.report
        going = shown.rebuild is not None and shown.rebuild.state in ACTIVE
        self._frame.heading.say(f"{SERVING}: {UNDER_WAY}" if going else headline(found))
        self._frame.lede.say(lede(found) if going else found.advice or lede(found))
        IndexTiles().show(found)
        if shown.rebuild is not None:
            operation_card(shown.rebuild, self._verbs, lambda: _chart(found))
        if shown.reembed is not None:
            operation_card(shown.reembed, self._verbs)
        with box("section", "card").style("margin-bottom:14px"):
            with box(classes="head"):
                Text("h2", "All vector indexes")
                if acting.allowed(Action.PLAN_OPERATION):
                    self._actions(shown)
            index_table(found, self._drop)
        with box(classes="grid g2" if shown.rebuild is None else "grid"):
            with box("section", "card"):
                with box(classes="head"):
                    Text("h2", "What else is known")
                    link("Map of the articles", "/map")
                with box("table", "plain pairs"):
                    Text("caption", "Facts", "visually-hidden")
                    with box("tbody"):
                        index_facts(found)
            if shown.rebuild is None:
                with box("section", "card"):
                    _chart(found)

    def _actions(self, shown: _Shown) -> None:
        serving = shown.report.table.serving
        with box(classes="actions"):
            if serving is not None:
                button("Measure now", self._measure, "small", command="Measure recall now")
            if shown.report.coverage.waiting.value and shown.reembed is None:
                _opens("Embed what waits", self._reembed.open, "Plan to embed what waits")
            if shown.rebuild is None:
                words = "Plan a rebuild" if serving else "Plan a build"
                _opens(words, self._dialog.open, "Plan a rebuild of the index")

    async def _measure(self) -> None:
        notice(await measuring.ask(*await acting.queueing_to()))

    async def _drop(self, name: str) -> None:
        _, user, face = await acting.recording_to()
        made = await planning.plan(world(), user, face, "drop invalid index", {"index": name})
        ui.navigate.to(f"/operations/{made.id}")


def _chart(found: IndexReport) -> None:
    recall_chart(found.trend, target_of(found.table.serving))


def _opens(words: str, open_it: Callable[[], Awaitable[None] | None], command: str) -> None:
    """A button that opens a dialog."""
    element = Text("button", words, "btn small").props("type=button")
    element.props["data-command"] = command
    element.on("click", open_it)


async def _newest(kind: str) -> OperationRow | None:
    """The active one of this kind, else the newest plan."""
    snapshot = context().poller.latest
    rows = [row for row in (snapshot.readings.operations.value if snapshot else None) or () if row.kind == kind]
    chosen = next((row for row in rows if row.state in ACTIVE), rows[0] if rows else None)
    return await planning.get(world(), chosen.id) if chosen else None


def headline(found: IndexReport) -> str:
    """`idx_embeddings_vector: rebuild recommended`. That it serves well is said of what was measured only."""
    serving = found.table.serving
    if serving is None:
        return "No vector index: build recommended" if found.advice else "No vector index is needed yet"
    left = f", {counted(len(found.invalid), 'invalid index', 'invalid indexes')} left over" if found.invalid else ""
    serves = "serves well" if found.measured else "serves, not measured yet"
    return f"{serving.name}: {'rebuild recommended' if found.advice else serves}{left}"


def lede(found: IndexReport) -> str:
    serving = found.table.serving
    rows = f"{found.table.rows or 0:,} rows"
    if serving is None:
        return f"{rows}: every search compares them all, which is exact, and fast enough at this size."
    return f"{serving.shape.words} on {rows}; the sizing table says {band(found.table.rows or 0).words}."


def _sign(snapshot: Snapshot) -> object:
    rows = [row for row in snapshot.readings.operations.value or () if row.kind in {REBUILD, REEMBED}]
    measured = snapshot.readings.measured.value
    indexes = snapshot.readings.index.value.indexes if snapshot.readings.index.value else ()
    return (
        tuple((row.id, row.state, row.step, row.progress, row.note, row.plan_hash) for row in rows),
        measured.at if measured else None,
        tuple((each.name, each.valid, each.mark) for each in indexes),
    )

"""Planning a rebuild with choices of one's own."""

from collections.abc import Sequence
from typing import Any

from nicegui import ui

from core.errors import BadRequest
from core.indexes import choices
from core.indexes.choices import Choice
from core.indexes.shape import FOREIGN
from core.operations import planning
from core.phrases import size
from core.queries.operations import OperationRow
from dashboard import acting
from dashboard.components.forms import Check, Dialog, Field
from dashboard.components.html import Text, box, button
from dashboard.components.operation_verbs import world
from dashboard.context import context

_NUMBERS = {
    "lists": "Lists (IVFFlat)",
    "m": "m (HNSW)",
    "ef_construction": "ef_construction (HNSW)",
    "setting": "probes or ef_search of searches",
    "memory_mb": "Memory for the build, MB",
    "target": "Recall@10 to reach",
    "p95_ms": "p95 to stay below, ms",
}


class RebuildDialog:
    """Opened for a new plan, or for one that is to be changed."""

    def __init__(self) -> None:
        self._dialog = Dialog("Plan a rebuild")

    async def open(self, row: OperationRow | None = None) -> None:
        async with context().database.session() as session:
            options = await choices.read(session)
        fields: dict[str, Field] = {}
        method: list[str] = [str(row.parameters["method"]) if row else ""]
        halfvec: list[Check] = []

        def draw() -> None:
            _compare(options)
            Text("p", "What is left empty, the sizing table decides; the plan says what comes of it.", "under")
            with box("label", "labelled"):
                Text("span", "Method")
                choose = box("select", "field").props('aria-label="Method"')
                with choose:
                    for value, words in (("", "As the table has it"), ("ivfflat", "IVFFlat"), ("hnsw", "HNSW")):
                        option = Text("option", words)
                        option.props["value"] = value
                        if value == method[0]:
                            option.props["selected"] = True
                choose.on(
                    "change", lambda e: method.__setitem__(0, str(e.args)), js_handler="(e) => emit(e.target.value)"
                )
            with box(classes="grid g2").style("margin:0"):
                for name, label in _NUMBERS.items():
                    present = row.parameters.get(name) if row else None
                    with box():
                        fields[name] = Field(label, value="" if present is None else f"{present:g}")
                        Text("div", choices.WHY[name], "under")
            halfvec.append(
                Check("halfvec: half the size, half the precision", on=bool(row and row.parameters.get("halfvec")))
            )

        async def plan() -> None:
            asked = _asked(method[0], {name: field.value for name, field in fields.items()})
            if halfvec[0].on:
                asked["halfvec"] = True
            _, user, face = await acting.recording_to()
            made = await planning.plan(world(), user, face, "rebuild index", asked, replaces=row.id if row else None)
            self._dialog.close()
            ui.navigate.to(f"/operations/{made.id}")

        def buttons() -> None:
            with box(classes="actions"):
                button("Make the plan", plan, "primary")
                self._dialog.cancel()

        self._dialog.open("Change the plan" if row else "Plan a rebuild", draw, buttons)


def _compare(options: Sequence[Choice]) -> None:
    with box("ul", "options"):
        for option in options:
            with box("li"):
                Text("b", option.shape.words)
                takes = f"{size(option.memory)} of memory, {size(option.disk)} on disk, {choices.time_words(option)}"
                Text("span", f" · {takes}")
                Text("div", option.why, "under")


def _asked(method: str, typed: dict[str, str]) -> dict[str, Any]:
    """What was chosen, without what belongs to the other method."""
    foreign = FOREIGN.get(method, ())
    asked: dict[str, Any] = {"method": method} if method else {}
    for name, text in typed.items():
        if not text.strip() or name in foreign:
            continue
        try:
            asked[name] = float(text) if name in {"target", "p95_ms"} else int(text)
        except ValueError:
            raise BadRequest(f"{_NUMBERS[name]} is a number, not {text!r}.") from None
    return asked

"""The queues, one a row."""

from collections.abc import Callable, Sequence

from core.health.queue import SLOW_S
from core.history import GROWTH_WINDOW, rate, time_to_empty
from core.phrases import duration
from core.queries.samples import SamplePoint
from core.queues import QUEUES, QueueDepth
from core.reading import Reading
from dashboard.components.html import Text, box, scrolling

# Left out on a phone; more of them where a row has actions too.
SECONDARY = {"Delayed", "Per min"}
SECONDARY_TO_ACTIONS = SECONDARY | {"Running", "Empty in"}
COLUMNS = ("Waiting", "Running", "Delayed", "Oldest", "Per min", "Empty in")
UNKNOWN = "–"


class QueueTable:
    """`actions`, where given, fills the last cell of a row."""

    def __init__(self, actions: Callable[[str], None] | None = None) -> None:
        self._cells: dict[str, list[Text]] = {}
        self._marks: dict[str, Text] = {}
        secondary = SECONDARY_TO_ACTIONS if actions else SECONDARY
        self._classes = {name: "r secondary" if name in secondary else "r" for name in COLUMNS}
        with scrolling(), box("table", "plain middle").mark("queues"):
            Text("caption", "Queues", "visually-hidden")
            with box("thead"), box("tr"):
                Text("th", "Queue").props("scope=col")
                for name in COLUMNS:
                    Text("th", name, self._classes[name]).props("scope=col")
                if actions:
                    with box("th"):
                        Text("span", "Actions", "visually-hidden")
            with box("tbody"):
                for queue in QUEUES:
                    with box("tr"):
                        with box("th").props("scope=row").style("color:var(--ink)"):
                            Text("span", queue)
                            self._marks[queue] = Text("span", "", "warn")
                        self._cells[queue] = [Text("td", UNKNOWN, kind) for kind in self._classes.values()]
                        if actions:
                            with box("td", "r acts"):
                                actions(queue)

    def show(self, queues: Reading[Sequence[QueueDepth]], history: Sequence[SamplePoint]) -> None:
        """Unknown is shown as a dash, never as zero."""
        known = {q.name: q for q in queues.value or ()} if queues.ok else {}
        for name, cells in self._cells.items():
            texts = _texts(known[name], history) if name in known else [UNKNOWN] * len(COLUMNS)
            for cell, text in zip(cells, texts, strict=True):
                cell.say(text)
            late = name in known and (known[name].oldest_wait_s or 0) > SLOW_S
            cells[3].classes(replace="r warn" if late else self._classes["Oldest"])
            self._marks[name].say("  ‖ paused" if name in known and known[name].paused else "")


def _texts(queue: QueueDepth, history: Sequence[SamplePoint]) -> list[str]:
    done = rate(history, f"done.{queue.name}")
    oldest = UNKNOWN if queue.waiting and queue.oldest_wait_s is None else duration(queue.oldest_wait_s or 0.0)
    return [
        f"{queue.waiting:,}",
        f"{queue.running:,}",
        f"{queue.delayed:,}",
        oldest if queue.waiting else "none",
        UNKNOWN if done is None else f"{done:,.0f}" if done >= 1 or done == 0 else f"{done:.1f}",
        _emptying(queue, history, done),
    ]


def _emptying(queue: QueueDepth, history: Sequence[SamplePoint], done: float | None) -> str:
    if queue.waiting == 0:
        return "empty"
    if queue.paused:
        return "paused"
    recent = [p for p in history if p.at >= history[-1].at - GROWTH_WINDOW]
    before = recent[0].values.get(f"waiting.{queue.name}") if recent else None
    seconds = time_to_empty(queue.waiting, done, before)
    if seconds is None:
        return "growing" if before is not None and queue.waiting > before else UNKNOWN
    return duration(max(seconds, 1.0))

"""How long the jobs of each queue waited and ran, beside how long the oldest waits now."""

from collections.abc import Sequence

from core.phrases import duration, milliseconds
from core.queues import QUEUES, QueueDepth
from core.queues.listing import JobTimes, Percentiles
from core.reading import Reading
from dashboard.components.html import Text, box

UNKNOWN = "–"
COLUMNS = ("Oldest waits", "p50", "p95", "p99", "p50", "p95", "p99", "Jobs")
# Where a phone puts each queue's cells in three rows, without the heads of the columns.
LABELS = ("oldest waits", "waited p50", "p95", "p99", "ran p50", "p95", "p99", "jobs")


class QueueTimes:
    def __init__(self) -> None:
        self._cells: dict[str, list[Text]] = {}
        self._oldest = dict.fromkeys(QUEUES, UNKNOWN)

    def draw(self, times: Sequence[JobTimes]) -> None:
        self._cells = {}
        with box("section", "card").style("margin-bottom:14px"):
            with box(classes="head"):
                Text("h2", "How long jobs take")
                Text("span", "of the jobs that ended last", "under")
            with box("table", "plain middle stack times").mark("times"):
                Text("caption", "How long jobs take", "visually-hidden")
                _head()
                with box("tbody"):
                    for queue in QUEUES:
                        with box("tr"):
                            Text("th", queue).props("scope=row").style("color:var(--ink)")
                            self._cells[queue] = [_cell(label) for label in LABELS]
        self.update(times)

    def update(self, times: Sequence[JobTimes]) -> bool:
        for found in times:
            texts = [self._oldest[found.queue], *_texts(found.waited), *_texts(found.ran), _count(found.waited)]
            for cell, text in zip(self._cells[found.queue], texts, strict=True):
                cell.say(text)
        return True

    def show_oldest(self, queues: Reading[Sequence[QueueDepth]]) -> None:
        """Unknown is shown as a dash, never as zero."""
        known = {queue.name: queue for queue in queues.value or ()} if queues.ok else {}
        for name in QUEUES:
            self._oldest[name] = _age(known[name]) if name in known else UNKNOWN
            if name in self._cells:
                self._cells[name][0].say(self._oldest[name])


def _cell(label: str) -> Text:
    cell = Text("td", UNKNOWN, "r")
    cell.props["data-label"] = label
    return cell


def _head() -> None:
    with box("thead"):
        with box("tr"):
            Text("td").props("colspan=2")
            for words in ("Waited", "Ran"):
                Text("th", words).props("colspan=3 scope=colgroup").style("text-align:center")
            Text("td")
        with box("tr"):
            Text("th", "Queue").props("scope=col")
            for name in COLUMNS:
                Text("th", name, "r").props("scope=col")


def _texts(found: Percentiles | None) -> list[str]:
    return [UNKNOWN] * 3 if found is None else [_brief(found.p50), _brief(found.p95), _brief(found.p99)]


def _brief(seconds: float) -> str:
    return milliseconds(seconds * 1000) if seconds < 1 else duration(seconds)


def _count(found: Percentiles | None) -> str:
    return UNKNOWN if found is None else f"{found.count:,}"


def _age(queue: QueueDepth) -> str:
    if not queue.waiting:
        return "none"
    return UNKNOWN if queue.oldest_wait_s is None else duration(queue.oldest_wait_s)

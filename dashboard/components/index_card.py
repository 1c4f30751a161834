"""How much of what was read can be found, and through which index."""

from core.phrases import counted, milliseconds, size
from core.readings import Readings
from dashboard.components.html import Text, box, link
from dashboard.phrasing import known

ROWS = ("Articles", "Embedded", "Summarised", "Vectors", "Index", "Recall@10", "Query p95", "Size")
UNKNOWN = "–"


class IndexCard:
    def __init__(self) -> None:
        self._values: dict[str, Text] = {}
        with box("section", "card") as card:
            card.props["aria-label"] = "Index"
            with box(classes="head"):
                Text("h2", "Index")
                link("All about the index", "/index")
            self._known = Text("p", "", "under")
            with box("table", "plain"):
                Text("caption", "Articles and vector index", "visually-hidden")
                with box("tbody"):
                    for name in ROWS:
                        with box("tr"):
                            Text("th", name).props("scope=row")
                            self._values[name] = Text("td", UNKNOWN, "r")

    def show(self, readings: Readings) -> None:
        for name, text in zip(ROWS, _texts(readings), strict=True):
            self._values[name].say(text)
        self._known.say(known(readings.index))


def _texts(readings: Readings) -> tuple[str, ...]:
    feeds, embedding, summaries = readings.feeds.value, readings.embedding.value, readings.summaries.value
    table = readings.index.value
    index = table.serving if table else None
    measured = readings.measured.value
    return (
        f"{feeds.articles:,} from {counted(feeds.total, 'feed')}" if feeds else UNKNOWN,
        _done(embedding.waiting) if embedding else UNKNOWN,
        _done(summaries.waiting) if summaries else UNKNOWN,
        UNKNOWN if table is None else "not counted yet" if table.rows is None else f"about {table.rows:,}",
        UNKNOWN if table is None else "none, exact scan" if index is None else index.shape.words,
        UNKNOWN if measured is None else f"{measured.recall:.2f}",
        UNKNOWN if measured is None else milliseconds(measured.p95_ms),
        UNKNOWN if table is None else size(table.size),
    )


def _done(waiting: object) -> str:
    return "all" if str(waiting) == "0" else f"{waiting} waiting"

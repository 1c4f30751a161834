"""All vector indexes, one a row, and what else there is to know of them."""

from collections.abc import Awaitable, Callable

from core.access import Action
from core.indexes import progress
from core.indexes.report import IndexReport, state_of
from core.phrases import duration, size
from core.queries.index_ddl import BUILDING
from core.queries.vector_index import VectorIndex
from dashboard import acting
from dashboard.components.html import Text, box, button, scrolling
from dashboard.index_facts import facts
from dashboard.phrasing import clock

_MARK = {"ok": "●", "warn": "▲", "bad": "✕", "mute": "–"}
COLUMNS = (
    ("Index", ""),
    ("Method", "secondary"),
    ("Rows at build", "r secondary"),
    ("Size", "r secondary"),
    ("Scans", "r secondary"),
    ("State", ""),
)


def index_table(report: IndexReport, drop: Callable[[str], Awaitable[None]]) -> None:
    """Draws it, here; `drop` plans to drop the invalid index of that name."""
    if not report.table.indexes:
        Text("p", "None: every search compares all rows, which is exact, and fast enough for some thousand.", "empty")
        return
    with scrolling(), box("table", "plain").mark("indexes"):
        Text("caption", "All vector indexes", "visually-hidden")
        with box("thead"), box("tr"):
            for name, classes in COLUMNS:
                Text("th", name, classes).props("scope=col")
        with box("tbody"):
            for index in report.table.indexes:
                _row(index, report, drop)


def _row(index: VectorIndex, report: IndexReport, drop: Callable[[str], Awaitable[None]]) -> None:
    tone, words = state_of(index, report.table)
    building = next((b for b in report.builds if b.name == index.name), None)
    if building is not None:
        tone, words = "mute", f"being built: {progress.words(building)}"
    with box("tr"):
        with box("th").props("scope=row"):
            Text("div", index.name).style("color:var(--ink);overflow-wrap:anywhere")
            Text("div", _built(index), "under").style("white-space:normal")
        with box("td", "secondary"):
            Text("div", index.shape.method)
            Text("div", index.opclass, "under").style("white-space:nowrap")
        Text("td", f"{index.build.rows:,}" if index.build else "–", "r secondary")
        Text("td", size(index.size), "r secondary")
        Text("td", _scans(index, report), "r secondary")
        with box("td"):
            Text("span", f"{_MARK[tone]} {words}", tone)
            if not index.valid and building is None and acting.allowed(Action.PLAN_OPERATION):
                element = button("Drop", lambda: drop(index.name), "small")
                element.props["aria-label"] = f"Drop {index.name}"
                element.style("margin-left:8px")


def _built(index: VectorIndex) -> str:
    if index.build is None and index.name == BUILDING:
        return f"{index.shape.words}; by the operation above"
    if index.build is None:
        return f"{index.shape.words}; not built here"
    at = f"built {clock(index.build.built_at)} in {duration(index.build.seconds)}"
    return f"{index.shape.words}; {at}" + (f", schema {index.build.revision}" if index.build.revision else "")


def _scans(index: VectorIndex, report: IndexReport) -> str:
    if index is report.table.serving and report.growth is not None and report.growth.scans is not None:
        return f"{report.growth.scans:,} in a day"
    return f"{index.scans:,}"


def index_facts(report: IndexReport) -> None:
    """What stands below the table: coverage link by link, models, upkeep, memory, versions."""
    for name, said in facts(report):
        with box("tr"):
            Text("th", name).props("scope=row")
            Text("td", said, "warn" if name == "pgvector" else "")

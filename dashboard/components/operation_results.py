"""What was measured before and after, beside each other."""

from collections.abc import Callable, Mapping
from typing import Any

from core.operations.states import State
from core.phrases import milliseconds
from core.queries.operations import OperationRow
from dashboard.components.html import Text, box, scrolling

_ROWS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "Recall@10": lambda m: f"{m['recall']:.3f} ({m['low']:.3f} to {m['high']:.3f})",
    "Query p50": lambda m: milliseconds(m["p50_ms"]),
    "Query p95": lambda m: milliseconds(m["p95_ms"]),
    "Exact scan p50": lambda m: milliseconds(m["exact_p50_ms"]),
    "Exact scan p95": lambda m: milliseconds(m["exact_p95_ms"]),
    "Setting": lambda m: f"{m['setting']} {m['value']}",
    "EXPLAIN names": lambda m: str(m["used"] or "no index"),
    "Queries": lambda m: f"{m['queries']:,} of {m['rows']:,} rows",
}


def _new(row: OperationRow) -> str:
    return "After" if row.state in {State.DONE, State.VERIFYING} else "New, not taken"


def operation_results(row: OperationRow) -> None:
    """Draws the table, here; nothing where nothing was measured."""
    columns = {name: row.result[key] for key, name in (("before", "Before"), ("after", _new(row))) if key in row.result}
    if not columns:
        return
    with box("section", "card").style("margin-bottom:14px"):
        with box(classes="head"):
            Text("h2", "Measured on the same rows")
        with scrolling(), box("table", "plain").mark("results"):
            Text("caption", "Measured before and after", "visually-hidden")
            with box("thead"), box("tr"):
                Text("th", "")
                for name in columns:
                    Text("th", name).props("scope=col")
            with box("tbody"):
                for name, say in _ROWS.items():
                    with box("tr"):
                        Text("th", name).props("scope=row")
                        for measured in columns.values():
                            Text("td", say(measured))

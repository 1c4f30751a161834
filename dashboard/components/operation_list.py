"""Operations, one a row."""

import datetime as dt
from collections.abc import Sequence

from core.phrases import duration
from core.queries.operations import OperationRow
from dashboard.components.html import Text, age, box, link, prose, scrolling
from dashboard.components.operation_card import state_pill


def operation_list(rows: Sequence[OperationRow], empty: str) -> None:
    """Draws the table, here, or the sentence where there is none."""
    if not rows:
        Text("p", empty, "empty")
        return
    with scrolling(), box("table", "plain").mark("operations"):
        Text("caption", "Operations", "visually-hidden")
        with box("thead"), box("tr"):
            for name, classes in (
                ("Operation", ""),
                ("State", ""),
                ("By", "secondary"),
                ("Planned", "secondary"),
                ("Took", "r secondary"),
            ):
                Text("th", name, classes).props("scope=col")
        with box("tbody"):
            for row in rows:
                _row(row)


def _row(row: OperationRow) -> None:
    with box("tr"):
        with box("td"):
            link(row.title, f"/operations/{row.id}", "lede")
            prose("div", row.outcome or row.held_up or row.note or row.plan.summary, "under")
        with box("td"):
            state_pill(row)
        by = f"{row.approved_by or row.proposed_by}" + (f", {row.second_by}" if row.second_by else "")
        Text("td", by, "secondary")
        with box("td", "secondary").style("white-space:nowrap"):
            age(row.planned_at, suffix=" ago")
        Text("td", _took(row), "r secondary")


def _took(row: OperationRow) -> str:
    if row.started_at is None:
        return "–"
    return duration(((row.ended_at or dt.datetime.now(dt.UTC)) - row.started_at).total_seconds())

"""Who did what, one action a row. What stands here never changes."""

import re
from collections.abc import Callable, Sequence

from core.queries.records import RecordRow
from dashboard.components.html import Text, box, link
from dashboard.phrasing import clock, deed

COLUMNS = ("When", "Who", "What", "Outcome")
# Icon, and tone.
OUTCOME = {"done": ("●", "ok"), "refused": ("‖", "warn"), "failed": ("✕", "bad")}
FACE = {"browser": "in a browser", "api": "through the API", "cli": "at the command line", "system": "by itself"}
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Longer than this, what was noted stands behind a word.
SHORT = 160


def record_table(rows: Sequence[RecordRow], of_actor: Callable[[str], str]) -> None:
    """`of_actor` is the address of what one person did."""
    with box("section", "card flush").props("aria-label=Record"), box("table", "plain stack record").mark("record"):
        Text("caption", "Record", "visually-hidden")
        with box("thead"), box("tr"):
            for name in COLUMNS:
                Text("th", name).props("scope=col")
        with box("tbody"):
            for row in rows:
                _row(row, of_actor(row.actor))


def _row(row: RecordRow, of_actor: str) -> None:
    what, details = deed(row.action, row.details)
    with box("tr"):
        with box("td", "soft-wide"):
            Text("time", clock(row.at)).props["title"] = f"{row.at.astimezone():%Y-%m-%d %H:%M:%S}"
        with box("td", "wrap"):
            link(row.actor, of_actor, "lede")
            where = FACE.get(row.face, row.face)
            Text("div", f"{row.address}, {where}" if row.address else where, "under")
        with box("td", "what"):
            Text("b", what)
            # Who logs in does so to themselves.
            if row.target != row.actor:
                with box(classes="under"):
                    _target(row)
            _details(details)
        with box("td", "wrap"):
            icon, tone = OUTCOME.get(row.outcome, ("?", "mute"))
            Text("div", f"{icon} {row.outcome}", tone)
            if error := row.details.get("error"):
                Text("div", str(error), "under")


def _target(row: RecordRow) -> None:
    place = None
    if _ID.fullmatch(row.target):
        if row.action.endswith("operation") or row.action.startswith("approve operation"):
            place = f"/operations/{row.target}"
        elif row.action == "redo article":
            place = f"/articles/{row.target}"
    if place:
        link(row.target, place)
    else:
        Text("span", row.target)


def _details(details: str) -> None:
    if len(details) > SHORT:
        with box("details", "under"):
            Text("summary", "Details ▾")
            Text("div", details)
    elif details:
        Text("div", details, "under")

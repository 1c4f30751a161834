"""The log of an operation, a line at a time: new lines are added below, and nothing moves above."""

from collections.abc import Sequence

from core.queries.operation_lines import Line
from dashboard.components.html import Text, box
from dashboard.phrasing import clock

_TONE = {"info": "", "warning": "warn", "error": "bad"}
_MARK = {"info": "", "warning": "▲ ", "error": "✕ "}


class OperationLog:
    def __init__(self, *, over: bool = False) -> None:
        """`over`: nothing more will come."""
        self.last = 0
        empty = "Nothing: it was never approved." if over else "Nothing yet: the log begins with the approval."
        self._empty = Text("p", empty, "empty")
        # The role is that of a box around the list: on the list itself it would take the list's own away.
        self._frame = box(classes="log").props('role=log aria-label="Log" tabindex=0')
        self._frame.set_visibility(False)
        with self._frame:
            self._lines = box("ol")

    def add(self, lines: Sequence[Line]) -> None:
        """Those that are not there yet."""
        fresh = [line for line in lines if line.id > self.last]
        if not fresh:
            return
        self._empty.set_visibility(False)
        self._frame.set_visibility(True)
        self.last = fresh[-1].id
        with self._lines:
            for line in fresh:
                with box("li", _TONE[line.level]):
                    Text("time", clock(line.at))
                    Text("span", f"{_MARK[line.level]}{line.text}")

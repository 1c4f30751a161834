"""Failed jobs, one a row; some or all of them can be chosen."""

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence

from core.failed_jobs.subjects import About, called
from core.queries.failed_list import FailedRow, Settled
from dashboard.components.failed_groups import short
from dashboard.components.forms import Check
from dashboard.components.html import Text, box, link
from dashboard.phrasing import clock

COLUMNS = ("Job", "Error", "Attempts", "Failed")


class FailedTable:
    """`address` is where a job opens, `opened` opens it here; `changed` is called when others are chosen."""

    def __init__(
        self,
        rows: Sequence[FailedRow],
        about: Mapping[uuid.UUID, About],
        *,
        address: Callable[[uuid.UUID], str],
        opened: Callable[[uuid.UUID], Awaitable[None]],
        changed: Callable[[], None],
        choosing: bool,
    ) -> None:
        self._changed = changed
        self._all: Check | None = None
        with box("table", "plain stack failures").mark("failed"):
            Text("caption", "Failed jobs", "visually-hidden")
            with box("thead"), box("tr"):
                if choosing:
                    with box("th").props("scope=col"):
                        self._all = Check("Choose all on this page", self._choose_all, bare=True)
                for name in COLUMNS:
                    Text("th", name, "r" if name == "Failed" else "").props("scope=col")
            with box("tbody"):
                self._rows = {
                    row.id: _Row(row, about.get(row.id), address(row.id), opened, self._chose if choosing else None)
                    for row in rows
                }

    @property
    def ids(self) -> tuple[uuid.UUID, ...]:
        """Of every row, from the top."""
        return tuple(self._rows)

    @property
    def chosen(self) -> tuple[uuid.UUID, ...]:
        """Of the rows that are ticked, from the top."""
        return tuple(id_ for id_, row in self._rows.items() if row.is_chosen)

    def open(self, job: uuid.UUID | None) -> None:
        """Marks the row whose job is shown beside the list."""
        for id_, row in self._rows.items():
            row.mark(open_=id_ == job)

    def choose(self, *, on: bool) -> None:
        """Ticks all rows that can still be chosen, or none."""
        for row in self._rows.values():
            row.choose(on=on)
        if self._all is not None:
            self._all.set(on)

    def show(self, settled: Mapping[uuid.UUID, Settled]) -> None:
        """What has become of the rows meanwhile. They stay where they are."""
        for id_, row in self._rows.items():
            row.show(settled.get(id_))

    def _choose_all(self, on: bool) -> None:
        self.choose(on=on)
        self._changed()

    def _chose(self) -> None:
        if self._all is not None:
            self._all.set(len(self.chosen) == len(self._rows))
        self._changed()


class _Row:
    def __init__(
        self,
        row: FailedRow,
        about: About | None,
        target: str,
        opened: Callable[[uuid.UUID], Awaitable[None]],
        chose: Callable[[], None] | None,
    ) -> None:
        self._row, self._gone, self._open = row, False, False
        self._check: Check | None = None
        with box("tr") as self._tr:
            if chose is not None:
                with box("td", "tick"):
                    words = f"Choose {row.task} {about.words if about else ''}".strip()
                    self._check = Check(words, lambda _: self._ticked(chose), bare=True)
            with box("td", "what"):
                self._name = link(row.task, target, "lede")
                self._name.props["aria-controls"] = "job"
                self._name.on("click", lambda: opened(row.id), js_handler=_IN_PLACE)
                Text("div", about.words if about else called(row.args, row.kwargs.items()), "under")
            with box("td", "wrap error"), box(classes="clamp"):
                Text("b", f"{short(row.exception)}: ")
                Text("span", row.message)
            attempts = Text("td", f"{row.attempts}", "soft-wide").props("data-label=Attempts")
            attempts.props["title"] = row.reason
            if row.reason == "will not heal":
                attempts.say(f"{row.attempts} · final")
            with box("td", "r soft-wide"):
                with box("time") as time:
                    time.props["title"] = f"{row.last_failed_at.astimezone():%Y-%m-%d %H:%M:%S}"
                    for word in clock(row.last_failed_at).split():
                        Text("span", word)
                self._note = Text("div", "", "under")

    @property
    def is_chosen(self) -> bool:
        return self._check is not None and self._check.on and not self._gone

    def choose(self, *, on: bool) -> None:
        if self._check is not None and not self._gone:
            self._check.set(on)
            self._tint()

    def mark(self, *, open_: bool) -> None:
        if open_ != self._open:
            self._open = open_
            self._name.props(**{"add" if open_ else "remove": "aria-current=true"})
            self._tint()

    def show(self, now: Settled | None) -> None:
        note = fate(self._row, now)
        self._gone = bool(note)
        self._note.say(note)
        if self._check is not None:
            self._check.set_visibility(not note)
        self._tint()

    def _ticked(self, chose: Callable[[], None]) -> None:
        self._tint()
        chose()

    def _tint(self) -> None:
        self._tr.classes(replace="gone" if self._gone else "on" if self.is_chosen or self._open else "")


# A click opens the job beside the list; with a modifier, or the middle button, the browser opens its address.
_IN_PLACE = """(e) => {
  if (e.ctrlKey || e.metaKey || e.shiftKey || e.button) return;
  e.preventDefault();
  history.replaceState(history.state, "", e.currentTarget.href);
  emit();
}"""


def fate(row: FailedRow, now: Settled | None) -> str:
    """What has become of a row since it was read; empty if nothing has."""
    if now is None:
        return "forgotten"
    if now.state != row.state:
        return f"{now.state} by {now.resolved_by}" if now.resolved_by and now.state != "open" else now.state
    return "failed again" if now.last_failed_at != row.last_failed_at else ""

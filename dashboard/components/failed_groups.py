"""Failed jobs by cause: each narrows the list to its jobs."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence

from core.phrases import listed
from core.queries.failed_groups import FailedGroup
from dashboard.components.hour_bars import hour_bars, last_hours
from dashboard.components.html import Text, box, link
from dashboard.phrasing import clock

Hours = Mapping[str, Mapping[dt.datetime, int]]


class FailedGroups:
    """`address` gives the page for a cause, "" for all; drawn anew only when something changed."""

    def __init__(self, chosen: str, address: Callable[[str], str]) -> None:
        self._chosen, self._address = chosen, address
        with box("section", "card causes") as card:
            card.props["aria-labelledby"] = "causes"
            self._card = card
            Text("h2", "By cause").props("id=causes")
            self._body = box()
        self._card.set_visibility(False)
        self._shown: object = None

    def show(self, groups: Sequence[FailedGroup], hours: Hours, more: str, now: dt.datetime) -> None:
        """`more` says how many causes are not listed, if any."""
        if (groups, hours, more) == self._shown:
            return
        self._shown = (groups, hours, more)
        self._card.set_visibility(bool(groups))
        self._body.clear()
        with self._body:
            if self._chosen:
                link("All causes", self._address(""), "btn small")
            for group in groups:
                self._row(group, last_hours(hours.get(group.fingerprint, {}), now))
            if more:
                Text("p", more, "under")

    def _row(self, group: FailedGroup, values: Sequence[int]) -> None:
        on = group.fingerprint == self._chosen
        with link("", self._address("" if on else group.fingerprint), "cause on" if on else "cause") as row:
            row.props["title"] = f"{group.exception}: {group.message}"
            if on:
                row.props["aria-current"] = "true"
            with box("span", "say"):
                Text("b", short(group.exception))
                Text("span", listed(group.tasks), "under")
                Text("span", f"since {clock(group.first_seen)}", "under")
                Text("span", f"last {clock(group.last_seen)}", "under last")
                hour_bars(values)
            Text("span", f"{group.count:,}", "pill bad")


def short(exception: str) -> str:
    """Its name without the module."""
    return exception.rpartition(".")[2]

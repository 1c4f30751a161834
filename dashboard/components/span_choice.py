"""How far back a list goes, in its address as `within`."""

import datetime as dt

from dashboard.components.forms import choice

SPANS = {"": "Any time", "1d": "Last 24 hours", "7d": "Last 7 days", "30d": "Last 30 days", "365d": "Last year"}


def span_choice(chosen: str) -> None:
    choice("within", chosen, "Published", SPANS)


def known(given: str) -> str:
    """`given` if it is one of ours, else any time."""
    return given if given in SPANS else ""


def start(chosen: str, now: dt.datetime) -> dt.datetime | None:
    """The earliest time that `chosen` lets through; None: any."""
    return now - dt.timedelta(days=int(chosen.removesuffix("d"))) if chosen else None

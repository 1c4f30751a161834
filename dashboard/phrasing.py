"""Words of the pages: ages as they tick, when something is due, and what somebody did."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from pydantic_core import to_json

from core.reading import Reading


def brief(seconds: float) -> str:
    """`12 s`, `4 min`, `3 h 5 min`, `2 d`: as shell.js goes on to say it, so that nothing jumps when it takes over."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    if whole < 86_400:
        return f"{whole // 3600} h" + (f" {whole % 3600 // 60} min" if whole % 3600 >= 60 else "")
    return f"{whole // 86_400} d"


def in_how_long(at: dt.datetime, now: dt.datetime) -> str:
    """`in 12 min`, `due now`."""
    seconds = (at - now).total_seconds()
    return f"in {brief(seconds)}" if seconds > 0 else "due now"


def clock(at: dt.datetime) -> str:
    """The server's local time of day: `12:03:04`; with the date when that is not today's."""
    local = at.astimezone()
    return f"{local:%H:%M:%S}" if local.date() == dt.datetime.now().astimezone().date() else f"{local:%Y-%m-%d %H:%M}"


def known(reading: Reading[Any]) -> str:
    """`This was known at 12:03:04.`; empty while it is read, and where nothing ever was."""
    return "" if reading.ok or reading.read_at is None else f"This was known at {clock(reading.read_at)}."


def deed(action: str, details: Mapping[str, Any]) -> tuple[str, str]:
    """What the record says was done, and how: `manage users: role`, `role admin · was viewer`.

    Why it was not done is not part of it.
    """
    rest = dict(details)
    rest.pop("error", None)
    kind = rest.pop("change", None) or rest.pop("verb", None)
    what = f"{action}: {kind}" if kind else action
    return what, " · ".join(f"{name.replace('_', ' ')} {_plain(value)}" for name, value in rest.items())


def _plain(value: object) -> str:
    return value if isinstance(value, str) else to_json(value).decode()

"""When something was published."""

import datetime as dt

from dashboard.components.html import Text, age

# Older than this, the date says more than a number of days.
RECENT = dt.timedelta(days=7)


def moment(at: dt.datetime, *, prefix: str = "") -> Text:
    """`3 h 5 min ago`, or `18 Feb 2026` when that is long ago."""
    if dt.datetime.now(dt.UTC) - at < RECENT:
        return age(at, prefix=prefix, suffix=" ago")
    local = at.astimezone()
    element = Text("time", f"{prefix}{local.day} {local:%b %Y}")
    element.props["title"] = f"{local:%Y-%m-%d %H:%M:%S}"
    return element

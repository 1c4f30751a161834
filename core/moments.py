"""Moments as a person writes them."""

import datetime as dt
import re

from core.errors import BadRequest

_AGO = re.compile(r"(\d{1,4})\s*(min|[smhd])")
_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}


def moment(said: str, now: dt.datetime) -> dt.datetime:
    """`90min`, `24h`, `7d` before `now`, or an ISO date or time (without a zone: of this machine).

    Raises BadRequest.
    """
    text = said.strip().lower()
    if ago := _AGO.fullmatch(text):
        return now - dt.timedelta(seconds=int(ago[1]) * _UNITS[ago[2]])
    try:
        return dt.datetime.fromisoformat(said.strip()).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise BadRequest(
            f"{said!r} is no time: write how long ago (90min, 24h, 7d) or a date (2026-01-31, 2026-01-31T12:00)."
        ) from None

"""When a feed's turn comes again. Pure."""

import datetime as dt

# A dead feed is still asked once a day, so that it comes back by itself.
LONGEST_WAIT_S = 86_400
# Feeds that were added together would otherwise be crawled together for ever.
SPREAD = 0.1


def after_success(now: dt.datetime, interval_s: int, ttl_s: int | None, spread: float) -> dt.datetime:
    """The larger of our interval and the feed's ttl from now. `spread`: -1 to 1, where in ±10 % of it."""
    return now + dt.timedelta(seconds=max(interval_s, ttl_s or 0) * (1 + SPREAD * spread))


def after_failure(now: dt.datetime, interval_s: int, errors_in_row: int, spread: float) -> dt.datetime:
    """Twice the wait of the failure before, from one interval up to a day."""
    doubled = interval_s * 2.0 ** min(errors_in_row - 1, 20)
    wait = min(doubled, max(LONGEST_WAIT_S, interval_s))
    return now + dt.timedelta(seconds=wait * (1 + SPREAD * spread))

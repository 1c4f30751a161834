"""Counters become rates; what is not known stays unknown."""

import datetime as dt

from core import history
from core.queries.samples import SamplePoint

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def points(*values: float | None) -> list[SamplePoint]:
    """A tick each 30 seconds of the counter `done`."""
    ticks = enumerate(values)
    return [SamplePoint(START + dt.timedelta(seconds=30 * i), {} if v is None else {"done": v}) for i, v in ticks]


def test_a_counter_becomes_a_rate_per_minute() -> None:
    assert history.per_minute(points(0, 10, 30), ["done"]).values == (20, 40)


def test_a_reset_counter_is_a_gap_not_a_negative_rate() -> None:
    assert history.per_minute(points(50, 0, 10), ["done"]).values == (None, 20)


def test_a_missing_sample_is_a_gap_not_a_zero() -> None:
    assert history.per_minute(points(0, None, 10), ["done"]).values == (None, None)
    assert history.series(points(1, None, 2), "done").values == (1, None, 2)


def test_the_recent_rate_looks_back_five_minutes_only() -> None:
    idle_then_busy = points(*[0.0] * 20, *[10.0 * i for i in range(11)])
    assert history.rate(idle_then_busy, "done") == 20


def test_a_total_skips_the_stretch_in_which_the_counter_was_reset() -> None:
    assert history.total(points(0, 10, 2, 5), ["done"]) == 13
    assert history.total(points(7), ["done"]) is None


def test_a_queue_that_grows_has_no_time_to_empty() -> None:
    assert history.time_to_empty(31, 42, 40) == 31 / 42 * 60
    assert history.time_to_empty(31, 42, 30) is None
    assert history.time_to_empty(31, None, 40) is None
    assert history.time_to_empty(0, None, None) == 0

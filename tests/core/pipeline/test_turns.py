"""When a feed is crawled next."""

import datetime as dt

import pytest

from core.pipeline.turns import after_failure, after_success

NOW = dt.datetime(2026, 5, 17, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(("spread", "minutes"), [(0.0, 30.0), (1.0, 33.0), (-1.0, 27.0)])
def test_feeds_that_were_added_together_drift_apart(spread: float, minutes: float) -> None:
    assert after_success(NOW, 1800, None, spread) == NOW + dt.timedelta(minutes=minutes)


def test_the_longer_of_our_interval_and_the_feeds_wish_counts() -> None:
    assert after_success(NOW, 1800, 7200, 0) == NOW + dt.timedelta(hours=2)
    assert after_success(NOW, 1800, 60, 0) == NOW + dt.timedelta(minutes=30)


@pytest.mark.parametrize(("errors", "hours"), [(1, 0.5), (2, 1), (3, 2), (6, 16), (7, 24), (1000, 24), (10**9, 24)])
def test_a_failing_feed_is_asked_less_and_less_but_once_a_day(errors: int, hours: float) -> None:
    assert after_failure(NOW, 1800, errors, 0) == NOW + dt.timedelta(hours=hours)


def test_a_feed_that_is_crawled_every_week_is_not_asked_more_often_because_it_fails() -> None:
    assert after_failure(NOW, 604_800, 5, 0) == NOW + dt.timedelta(days=7)

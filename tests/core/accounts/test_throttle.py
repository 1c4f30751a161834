"""Guessing gets slower; nobody can lock out anybody else."""

import datetime as dt

import pytest

from core.accounts.throttle import (
    ADDRESS_LIMIT,
    ADDRESS_PAUSE,
    FORGOTTEN,
    FREE,
    LONGEST,
    NOTHING,
    Origin,
    delay,
    neighbourhood,
    one_more,
    wait,
)
from core.queries.login_failures import Failures

NOW = dt.datetime(2026, 5, 4, 12, 0, tzinfo=dt.UTC)
NONE = Failures(0, NOW)


def seconds(count: int) -> dt.timedelta:
    return dt.timedelta(seconds=count)


def test_typing_errors_cost_nothing_and_then_the_wait_doubles_up_to_a_quarter_of_an_hour() -> None:
    assert [delay(n) for n in range(FREE)] == [NOTHING] * FREE
    assert [delay(n) for n in range(3, 9)] == [seconds(2**n) for n in range(6)]
    assert delay(13) == LONGEST == delay(10_000_000)


def test_the_wait_ends_and_is_counted_from_the_last_failure() -> None:
    pair = Failures(5, NOW - seconds(3))
    assert wait(pair, NONE, NOW) == seconds(1)
    assert wait(pair, NONE, NOW + seconds(1)) == NOTHING


def test_an_attempt_that_began_before_another_failed_waits_for_nothing_while_there_is_no_pause() -> None:
    assert wait(Failures(FREE - 1, NOW), NONE, NOW - seconds(1)) == NOTHING


def test_an_address_that_tries_many_names_has_to_pause() -> None:
    spraying = Failures(ADDRESS_LIMIT, NOW)
    assert wait(NONE, spraying, NOW) == ADDRESS_PAUSE
    assert wait(NONE, spraying, NOW + ADDRESS_PAUSE) == NOTHING
    assert wait(NONE, Failures(ADDRESS_LIMIT - 1, NOW), NOW) == NOTHING


def test_a_browser_that_is_known_to_the_account_does_not_wait_for_its_neighbours() -> None:
    assert wait(NONE, None, NOW) == NOTHING
    assert Origin("10.0.0.1", device="abc").key != Origin("10.0.0.1").key


def test_a_count_begins_anew_after_a_pause() -> None:
    assert one_more(Failures(7, NOW - seconds(1)), FORGOTTEN, NOW) == Failures(8, NOW)
    assert one_more(Failures(7, NOW - FORGOTTEN), FORGOTTEN, NOW) == Failures(1, NOW)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("not an address", "not an address"),
    ],
)
def test_all_addresses_of_one_customer_count_as_one(address: str, expected: str) -> None:
    assert neighbourhood(address) == expected

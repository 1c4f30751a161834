"""What is kept of an attempt: readable, small, and the same after it has travelled with the job."""

import datetime as dt
import json
from pathlib import Path

import pytest

from core.errors import DatabaseUnavailable
from core.failed_jobs import Attempt, attempt_of
from core.queues import Job
from core.queues.jobs import encode

AT = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)


def caught(raiser: object, *arguments: object) -> BaseException:
    with pytest.raises(BaseException) as error:  # noqa: PT011 - each caller knows what it raises
        raiser(*arguments)  # type: ignore[operator]
    return error.value


def attempt(exception: BaseException) -> Attempt:
    return attempt_of(exception, at=AT, worker="box:1", duration_s=1.23456)


def test_frames_of_our_own_code_come_before_those_of_libraries() -> None:
    kept = attempt(caught(encode, Job("t", (object(),), "crawl"), "id"))
    assert kept.frame == "core/queues/jobs.py:encode"
    assert kept.exception == "TypeError"
    assert kept.traceback.index("core/queues/jobs.py") < kept.traceback.index("In libraries")
    assert kept.duration_s == 1.235


def test_the_cause_of_the_cause_is_told() -> None:
    def fail() -> None:
        try:
            Path("/there/is/none").read_text()
        except OSError as error:
            raise DatabaseUnavailable from error

    kept = attempt(caught(fail))
    assert kept.exception == "core.errors.DatabaseUnavailable"
    assert kept.message == "Postgres cannot be reached."
    assert "Caused by FileNotFoundError: [Errno 2]" in kept.traceback


def test_a_group_of_one_is_named_after_what_is_in_it() -> None:
    assert attempt(ExceptionGroup("several", [ValueError("just one")])).message == "just one"
    both = attempt(ExceptionGroup("several", [ValueError("a"), TypeError("b")]))
    assert "One of them: TypeError: b" in both.traceback


def test_it_travels_as_json_and_comes_back_equal() -> None:
    kept = attempt(caught(int, "x"))
    assert Attempt.from_json(json.loads(json.dumps(kept.as_json()))) == kept


def test_it_stays_small_and_storable_whatever_was_raised() -> None:
    class Rude(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    def deep(n: int) -> None:
        if n == 0:
            raise ValueError("x" * 1_000_000 + "\x00")
        deep(n - 1)

    assert "cannot be read" in attempt(Rude()).message
    kept = attempt(caught(deep, 200))
    assert len(json.dumps(kept.as_json())) < 12_000
    assert "\x00" not in attempt(ValueError("a\x00b\ud800")).message

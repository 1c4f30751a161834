"""Failures are kept with their whole story, one open row a job."""

import dataclasses
import datetime as dt
import json

import pytest
from sqlalchemy import select

from core.db import Database
from core.failed_jobs import Attempt, Failure
from core.models import FailedJob
from core.nesting import DEEPEST
from core.queries import failed_jobs

AT = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)


def attempt(minute: int, message: str = "no") -> Attempt:
    return Attempt(
        AT + dt.timedelta(minutes=minute), "box:1", 0.5, "ValueError", message, "core/a.py:f", f"ValueError: {message}"
    )


FAILURE = Failure(
    task_id="t1",
    key="crawl_feed:1",
    task="crawl_feed",
    queue="crawl",
    args=["1"],
    kwargs={},
    labels={"queue_name": "crawl"},
    attempts=[attempt(0), attempt(1)],
    exception="ValueError",
    message="no",
    fingerprint="f" * 16,
    reason="gave up after 2 attempts",
    deliveries=1,
    failed_at=AT + dt.timedelta(minutes=1),
)


async def rows(database: Database) -> list[FailedJob]:
    async with database.session() as session:
        return list((await session.scalars(select(FailedJob).order_by(FailedJob.first_failed_at))).all())


async def record(database: Database, failure: Failure) -> None:
    async with database.session() as session:
        await failed_jobs.record(session, failure)


async def test_a_failure_keeps_its_story(database: Database) -> None:
    await record(database, FAILURE)
    (row,) = await rows(database)
    assert (row.task, row.queue, row.args, row.state) == ("crawl_feed", "crawl", ["1"], "open")
    assert [one["at"] for one in row.attempts] == ["2026-01-02T00:00:00+00:00", "2026-01-02T00:01:00+00:00"]
    assert (row.first_failed_at, row.last_failed_at) == (AT, FAILURE.failed_at)
    assert row.duration_s == 0.5


async def test_the_same_job_failing_again_adds_to_its_row(database: Database) -> None:
    await record(database, FAILURE)
    later = dataclasses.replace(
        FAILURE, attempts=[attempt(9, "worse")], message="worse", failed_at=AT + dt.timedelta(minutes=9)
    )
    await record(database, later)
    (row,) = await rows(database)
    assert [one["message"] for one in row.attempts] == ["no", "no", "worse"]
    assert (row.message, row.deliveries, row.first_failed_at) == ("worse", 2, AT)


async def test_a_job_that_fails_for_weeks_keeps_its_newest_attempts(database: Database) -> None:
    for minute in range(30):
        await record(database, dataclasses.replace(FAILURE, attempts=[attempt(minute, str(minute))]))
    (row,) = await rows(database)
    assert [one["message"] for one in row.attempts] == [str(minute) for minute in range(10, 30)]


async def test_a_job_that_succeeds_closes_its_open_row_and_a_later_failure_opens_another(database: Database) -> None:
    await record(database, FAILURE)
    async with database.session() as session:
        assert await failed_jobs.mark_succeeded(session, ["crawl_feed:1", "crawl_feed:2"]) == 1
    await record(database, FAILURE)
    assert sorted(row.state for row in await rows(database)) == ["open", "succeeded"]


@pytest.mark.parametrize(
    "poison",
    [
        {"args": ["a\x00b", "\ud800"]},
        {"args": [float("nan"), float("inf")]},
        {"kwargs": {"k\x00": {"deep": "\x00"}}},
        {"message": "\x00" * 10},
        {"key": "k" * 100_000},
        {"key": "€\x00" * 5_000},
        {"task": "\x00", "task_id": "\udfff"},
        {"args": [10**4000]},
        {"attempts": []},
    ],
    ids=lambda poison: f"{next(iter(poison))}",
)
async def test_nothing_that_a_job_carries_keeps_it_off_the_record(
    database: Database, poison: dict[str, object]
) -> None:
    failure = dataclasses.replace(FAILURE, **poison)
    await record(database, failure)
    await record(database, failure)
    assert len(await rows(database)) == 1


async def test_arguments_that_a_job_may_have_are_kept_whole(database: Database) -> None:
    # A message is one level, and its list of arguments another.
    args = json.loads("[" * (DEEPEST - 1) + "]" * (DEEPEST - 1))
    await record(database, dataclasses.replace(FAILURE, args=args))
    assert (await rows(database))[0].args == args

"""What becomes of a job that fails: tried again, or in Postgres with its whole story before it leaves Redis."""

import asyncio
import datetime as dt
import io
import itertools
import json
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import structlog
from redis.asyncio import Redis
from sqlalchemy import text

from core import logs
from core.db import Database
from core.errors import DatabaseUnavailable, RetryLater, WillNotHeal
from core.failed_jobs import attempt_of
from core.failed_jobs.decision import GiveUp, Retry, decide
from core.models import FailedJob
from core.queues import Job, QueueDepth, enqueue, keys
from core.queues.enqueueing import offer_message
from core.queues.jobs import encode
from core.queues.listing import finished
from workers import dead_letters, middleware
from workers.messages import with_attempts

Depth = Callable[[str], Awaitable[QueueDepth]]
Failed = Callable[[], Awaitable[list[FailedJob]]]
FAIL = Job("fail", ("x",), "embed", "fail:x")


@pytest.mark.parametrize(
    ("exception", "attempts", "expected"),
    [
        (ValueError(), 1, Retry(1.0)),
        (ValueError(), 2, Retry(2.0)),
        (ValueError(), 3, Retry(4.0)),
        (ValueError(), 4, GiveUp("gave up after 4 attempts")),
        (WillNotHeal(), 1, GiveUp("will not heal")),
        (ExceptionGroup("", [WillNotHeal()]), 1, GiveUp("will not heal")),
        (RetryLater(retry_after=17), 1, Retry(17)),
        (RetryLater(retry_after=17), 4, GiveUp("gave up after 4 attempts")),
        (RetryLater(retry_after=-5), 1, Retry(0)),
        (RetryLater(retry_after=float("nan")), 2, Retry(2.0)),
        (RetryLater(retry_after=1e9), 1, Retry(86_400)),
        (SystemExit(1), 1, Retry(1.0)),
    ],
)
def test_three_retries_after_one_two_and_four_seconds_unless_the_error_says_otherwise(
    exception: BaseException, attempts: int, expected: Retry | GiveUp
) -> None:
    assert decide(exception, attempts) == expected


async def test_a_job_that_always_fails_is_tried_four_times_and_then_recorded_with_each(
    worker: Any, redis: Redis, until: Any, failed: Failed, depth: Depth
) -> None:
    times: list[float] = []
    one = worker()

    @one.task(task_name="fail", colour="red")
    async def fail(argument: str) -> None:
        times.append(time.monotonic())
        raise ValueError(f"no {argument}, attempt {len(times)}")

    await one.start()
    task_id = await enqueue(redis, FAIL)
    (row,) = await until(failed, 12)
    waits = [later - earlier for earlier, later in itertools.pairwise(times)]
    # Never sooner; by how much later depends on the machine.
    assert all(wait > least - 0.1 for wait, least in zip(waits, (1, 2, 4), strict=True)), waits
    assert (row.task, row.queue, row.args, row.job_key, row.task_id) == ("fail", "embed", ["x"], "fail:x", task_id)
    assert row.labels["colour"] == "red"
    assert not {"attempts", "_delivery", "queue_name"} & set(row.labels)
    assert [one["message"] for one in row.attempts] == [f"no x, attempt {n}" for n in (1, 2, 3, 4)]
    assert all("test_attempts.py" in one["traceback"] for one in row.attempts)
    assert all(one["worker"] for one in row.attempts)
    assert (row.exception, row.message, row.state) == ("ValueError", "no x, attempt 4", "open")
    assert row.reason == "gave up after 4 attempts"

    async def is_counted() -> bool:
        found = await depth("embed")
        return (found.failed, found.running, found.delayed, found.waiting) == (1, 0, 0, 0)

    await until(is_counted)
    # Its key is free: a person may send it again.
    assert await enqueue(redis, FAIL) is not None


async def test_every_line_that_is_logged_for_a_job_names_it(
    worker: Any, redis: Redis, until: Any, failed: Failed, json_log: io.StringIO
) -> None:
    one = worker()

    @one.task(task_name="talk")
    async def talk(word: str) -> None:
        structlog.get_logger("ours").info(f"ours {word}")
        # Both have begun before either goes on.
        await asyncio.sleep(0.01)
        await asyncio.to_thread(logging.getLogger("a.library").info, f"theirs {word}")
        raise WillNotHeal(f"over {word}")

    await one.start()
    sent = {word: await enqueue(redis, Job("talk", (word,), "embed", None)) for word in ("apple", "pear")}

    async def are_recorded() -> bool:
        return len(await failed()) == 2

    await until(are_recorded)
    lines = [line for line in map(json.loads, json_log.getvalue().splitlines()) if line["level"] != "debug"]
    for word, job in sent.items():
        told = [line for line in lines if word in f"{line['event']} {line.get('error')}"]
        assert [line["event"] for line in told] == [f"ours {word}", f"theirs {word}", "a job gave up"]
        assert {(line["job_id"], line["job"], line["attempt"]) for line in told} == {(job, "talk", 1)}


async def test_a_job_that_succeeds_at_last_leaves_no_failure_and_closes_an_old_one(
    worker: Any, redis: Redis, until: Any, failed: Failed
) -> None:
    heals = False
    one = worker()

    @one.task(task_name="fail")
    async def fail(argument: str) -> None:
        if not heals:
            raise WillNotHeal("not yet")

    await one.start()
    await enqueue(redis, FAIL)
    (row,) = await until(failed)
    assert (row.reason, row.state, len(row.attempts)) == ("will not heal", "open", 1)
    heals = True

    async def is_sent() -> Any:
        return await enqueue(redis, FAIL)

    await until(is_sent)

    async def is_closed() -> bool:
        return [one.state for one in await failed()] == ["succeeded"]

    await until(is_closed)


async def test_what_succeeded_while_postgres_refused_to_hear_of_it_is_told_later(
    worker: Any, redis: Redis, until: Any, failed: Failed, database: Database
) -> None:
    heals = False
    one = worker()

    @one.task(task_name="fail")
    async def fail(argument: str) -> None:
        if not heals:
            raise WillNotHeal("not yet")

    await one.start()
    await enqueue(redis, FAIL)
    await until(failed)
    async with database.owner_session() as session:
        await session.execute(text("revoke update on failed_jobs from signalist_app"))
    heals = True

    async def is_done() -> bool:
        return [job.outcome for job in await finished(redis, "embed")][:1] == ["done"]

    assert await until(lambda: enqueue(redis, FAIL))
    await until(is_done)
    await one.broker._dead_letters.flush()
    async with database.owner_session() as session:
        await session.execute(text("grant update on failed_jobs to signalist_app"))

    async def is_closed() -> bool:
        return [one.state for one in await failed()] == ["succeeded"]

    await until(is_closed)


async def test_the_time_that_a_service_names_wins_over_ours(worker: Any, redis: Redis, until: Any) -> None:
    times: list[float] = []
    one = worker()

    @one.task(task_name="fail")
    async def fail(argument: str) -> None:
        times.append(time.monotonic())
        if len(times) == 1:
            raise RetryLater("slow down", retry_after=3.0)

    await one.start()
    await enqueue(redis, FAIL)
    await until(lambda: len(times) == 2, 15)
    # The second attempt would have come after one second.
    assert times[1] - times[0] > 2.9


async def test_a_task_that_takes_too_long_is_stopped_and_that_is_its_failure(
    worker: Any, redis: Redis, until: Any, database: Database, failed: Failed
) -> None:
    one = worker()

    @one.task(task_name="fail", timeout=0.2)
    async def fail(argument: str) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError as stopped:
            raise stopped from WillNotHeal()

    await one.start()
    await enqueue(redis, FAIL)

    async def is_delayed() -> Any:
        return await redis.hvals("signalist:{embed}:bodies")

    (message,) = await until(is_delayed)
    assert b"took longer than 0.2 s" in message


async def test_arguments_are_kept_as_they_were_sent(worker: Any, redis: Redis, until: Any, failed: Failed) -> None:
    seen: list[object] = []
    one = worker()

    @one.task(task_name="fail")
    async def fail(when: dt.datetime) -> None:
        seen.append(when)
        raise WillNotHeal

    await one.start()
    await enqueue(redis, Job("fail", ("2026-01-02T03:04:05Z",), "embed"))
    (row,) = await until(failed)
    assert seen == [dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)]
    assert row.args == ["2026-01-02T03:04:05Z"]


async def test_a_job_that_gives_up_while_postgres_is_away_is_recorded_when_it_is_back_and_not_run_again(
    worker: Any, redis: Redis, until: Any, failed: Failed, postgres_gate: Any
) -> None:
    runs = 0
    gate, url = postgres_gate
    one = worker(database=url)

    @one.task(task_name="fail")
    async def fail(argument: str) -> None:
        nonlocal runs
        runs += 1
        raise WillNotHeal("broken")

    await gate.close()
    await one.start()
    await enqueue(redis, FAIL)
    await until(lambda: runs == 1)
    # It stays in Redis, in the hands of its worker, for longer than a lease.
    await asyncio.sleep(2)
    assert await redis.xlen(keys.stream("embed")) == 1
    await gate.open()
    (row,) = await until(failed)
    assert (row.reason, runs) == ("will not heal", 1)


async def test_a_postgres_that_does_not_answer_holds_up_the_record_and_nothing_else(
    worker: Any, redis: Redis, until: Any, failed: Failed, postgres_gate: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "_PATIENCE_S", 0.5)
    ran: list[str] = []
    gate, url = postgres_gate
    one = worker(database=url)

    @one.task(task_name="fail")
    async def fail(argument: str) -> None:
        ran.append("fail")
        raise WillNotHeal("broken")

    @one.task(task_name="note")
    async def note() -> None:
        ran.append("note")

    gate.silence()
    await one.start()
    await enqueue(redis, FAIL)
    await until(lambda: ran == ["fail"])
    await enqueue(redis, Job("note", (), "embed"))
    await until(lambda: ran == ["fail", "note"], 2)
    gate.speak()
    (row,) = await until(failed, 20)
    assert (row.reason, ran) == ("will not heal", ["fail", "note"])


async def test_a_job_that_failed_because_postgres_is_away_is_no_failure_once_it_is_back(
    worker: Any, redis: Redis, until: Any, failed: Failed, depth: Depth, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(middleware, "_PARKED_S", 0.5)
    there = False
    done: list[bool] = []
    one = worker(database="postgresql://nobody@127.0.0.1:1/none")

    @one.task(task_name="fail")
    async def fail(argument: str) -> None:
        if not there:
            raise DatabaseUnavailable
        done.append(True)

    await one.start()
    # It has failed three times before.
    task_id = "t1"
    before = attempt_of(DatabaseUnavailable(), at=dt.datetime.now(dt.UTC), worker="w", duration_s=0)
    message = with_attempts(encode(FAIL, task_id), (before, before, before))
    await offer_message(redis, "embed", FAIL.key, task_id, message)

    async def is_put_off() -> bool:
        return (await depth("embed")).delayed == 1

    await until(is_put_off)
    there = True
    await until(lambda: done)
    assert await failed() == []


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"data": b"not json"}, "unreadable"),
        ({"data": b"\xff\xfe\x00"}, "unreadable"),
        ({"data": b"[" * 100_000}, "unreadable"),
        ({"data": b"null"}, "unreadable"),
        ({"data": b"{}"}, "unreadable"),
        ({"data": b'{"task_id":"1","task_name":"note","labels":[],"args":[],"kwargs":{}}'}, "unreadable"),
        (
            {
                "data": b'{"task_id":"1","task_name":"note","labels":{"n":"x"},"labels_types":{"n":2},'
                b'"args":[],"kwargs":{}}'
            },
            "unreadable",
        ),
        ({"body": b"there is no data"}, "unreadable"),
        # These cannot be written: neither to Redis, nor by what goes into them step by step.
        ({"data": b'{"task_id":"\\ud800","task_name":"note","labels":{},"args":["x"],"kwargs":{}}'}, "unreadable"),
        (
            {"data": b'{"task_id":"1","task_name":"note","labels":{"job_key":"\\ud800"},"args":["x"],"kwargs":{}}'},
            "unreadable",
        ),
        (
            {
                "data": b'{"task_id":"1","task_name":"note","labels":{},"kwargs":{},"args":'
                + b"[" * 700
                + b"]" * 700
                + b"}"
            },
            "unreadable",
        ),
        ({"data": b'{"task_id":"1","task_name":"nobody","labels":{},"args":["\\u0000"],"kwargs":{}}'}, "unknown task"),
        (
            {"data": b'{"task_id":"","task_name":"\\u0000","labels":{"job_key":7},"args":[],"kwargs":{}}'},
            "unknown task",
        ),
    ],
)
async def test_what_cannot_be_run_is_recorded_and_stops_nobody(
    worker: Any, redis: Redis, until: Any, failed: Failed, fields: dict[str, bytes], reason: str
) -> None:
    ran: list[str] = []
    one = worker()

    @one.task(task_name="note")
    async def note(word: str) -> None:
        ran.append(word)

    await redis.xadd(keys.stream("embed"), fields)
    await enqueue(redis, Job("note", ("good",), "embed"))
    await one.start()
    await until(lambda: ran == ["good"])
    (row,) = await until(failed)
    assert row.reason == reason
    assert row.queue == "embed"

    async def is_empty() -> bool:
        return await redis.xlen(keys.stream("embed")) == 0

    await until(is_empty)


@pytest.mark.parametrize(
    "labels",
    [
        {"timeout": "soon"},
        {"timeout": "nan"},
        {"ack_type": "when_received"},
        {"ack_type": "nonsense"},
        {"attempts": "many"},
        {"attempts": [{"at": 7}]},
        {"attempts": {"a": 1}},
        {"_delivery": "crawl/1-1"},
        {"job_key": ["list"]},
        {"queue_name": 5},
    ],
    ids=str,
)
async def test_labels_that_make_no_sense_lose_no_job(
    worker: Any, redis: Redis, until: Any, failed: Failed, labels: dict[str, Any]
) -> None:
    ran: list[str] = []
    one = worker()

    @one.task(task_name="note")
    async def note(word: str) -> None:
        ran.append(word)
        raise WillNotHeal("after it ran")

    message = {"task_id": "1", "task_name": "note", "labels": labels, "args": ["x"], "kwargs": {}}
    await redis.xadd(keys.stream("embed"), {"data": json.dumps(message).encode()})
    await one.start()
    (row,) = await until(failed)
    assert ran == ["x"]
    assert row.args == ["x"]


async def test_wrong_arguments_are_a_failure_like_any_other(
    worker: Any, redis: Redis, until: Any, failed: Failed
) -> None:
    one = worker()

    @one.task(task_name="note")
    async def note(number: int) -> None:
        raise WillNotHeal(f"{number!r}")

    await one.start()
    await enqueue(redis, Job("note", (1, 2, 3), "embed", "note:3"))
    await enqueue(redis, Job("note", ("four",), "embed", "note:4"))
    (row,) = await until(failed)
    assert row.message == "'four'"

    async def is_delayed() -> Any:
        return await redis.hvals("signalist:{embed}:bodies")

    (message,) = await until(is_delayed)
    assert b"positional argument" in message


@pytest.mark.usefixtures("json_log")
async def test_what_a_job_said_is_kept_with_each_attempt_without_secrets_and_within_bounds(
    worker: Any, redis: Redis, until: Any, failed: Failed, caplog: pytest.LogCaptureFixture
) -> None:
    # As a worker process does.
    caplog.set_level(logging.CRITICAL, "taskiq.receiver")
    one = worker()

    @one.task(task_name="fail")
    async def fail(argument: str) -> None:
        logger = structlog.get_logger("core.pipeline")
        for number in range(2 * logs.KEPT_LINES):
            logger.info("a step", number=number)
        logger.info("connecting", url="postgresql://ada:hunter2hunter2@db/x", hostile="\x1b[2J\nforged")
        await asyncio.to_thread(logging.getLogger("a.library").warning, "what a library says of %s", argument)
        if argument == "x":
            raise errors.pop()
        logger.info("y" * 3 * logs.KEPT_CHARACTERS)
        raise WillNotHeal("no")

    errors = [WillNotHeal("no"), RetryLater(retry_after=0)]
    await one.start()
    await enqueue(redis, FAIL)
    await enqueue(redis, Job("fail", ("other",), "embed", "fail:other"))

    async def both() -> dict[str, list[dict[str, Any]]]:
        rows = {row.job_key: row.attempts for row in await failed()}
        return rows if len(rows) == 2 else {}

    rows = await until(both, 12)
    first, second = (attempt["log"] for attempt in rows["fail:x"])
    for said in (first, second):
        assert len(said.splitlines()) <= logs.KEPT_LINES
        assert said.splitlines()[-1].endswith("[warning] what a library says of x")
        assert "hunter2" not in said
        assert "\\x1b[2J\\nforged" in said
        assert "other" not in said, "each job hears itself alone"
        assert "job_id" not in said
    assert len(rows["fail:other"][0]["log"]) <= logs.KEPT_CHARACTERS

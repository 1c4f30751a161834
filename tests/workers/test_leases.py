"""A worker that was away for longer than its lease finds out before it has an effect."""

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest
from redis.asyncio import Redis
from sqlalchemy import text

from core.db import Database
from core.queues import Job, enqueue, keys
from core.queues.delivery import DEATHS, Consumer, Entry
from workers.in_flight import Delivery, current
from workers.leases import LeaseLost, fence, still_mine

SLEEP = Job("sleep", (), "embed")


async def stolen(redis: Redis, delivery: Delivery) -> None:
    """As another worker does when a lease has run out."""
    stream = keys.stream("embed")
    await redis.xclaim(stream, keys.GROUP, "thief", 0, [delivery.hold.entry_id])
    await redis.hset("signalist:{embed}:leases", delivery.hold.entry_id, f"thief|{(time.time() + 60) * 1000:.0f}|0")


async def test_outside_a_job_everything_is_allowed() -> None:
    assert await still_mine()
    await fence()


async def test_a_job_that_was_given_to_another_is_stopped_and_ends_nothing(
    worker: Any, redis: Redis, until: Any
) -> None:
    ended: list[str] = []
    one = worker()

    @one.task(task_name="sleep")
    async def sleep() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.append("stopped")
            raise

    await one.start()
    await enqueue(redis, SLEEP)
    (delivery,) = await until(lambda: [d for d in one.broker.in_flight.everything if d.started_at])
    await stolen(redis, delivery)
    await until(lambda: ended == ["stopped"])
    await until(lambda: not one.broker.in_flight.everything)
    (row,) = await redis.xpending_range(keys.stream("embed"), keys.GROUP, "-", "+", 10)
    assert row["consumer"] == b"thief"


async def test_what_a_task_writes_after_its_job_was_given_to_another_is_rolled_back(
    worker: Any, redis: Redis, until: Any, database_url: str, database: Database
) -> None:
    outcome: list[object] = []
    one = worker()
    fenced = Database(database_url, application="worker", before_commit=fence)

    @one.task(task_name="sleep")
    async def sleep() -> None:
        delivery = current.get()
        assert delivery is not None
        try:
            async with fenced.session() as session:
                await session.execute(text("create table effect (n int)"))
                await stolen(redis, delivery)
                # Frozen: neither this loop nor its thread has run since.
                delivery.renewed_at -= 10
        except (LeaseLost, asyncio.CancelledError) as error:
            outcome.append(error)
            raise

    await one.start()
    await enqueue(redis, SLEEP)
    await until(lambda: outcome)
    async with database.session() as session:
        assert (await session.execute(text("select to_regclass('effect')"))).scalar_one() is None
    await fenced.close()


async def test_a_worker_cut_off_from_redis_stops_its_jobs_before_others_have_them(
    worker: Any, redis_gate: Any, redis: Redis, until: Any
) -> None:
    gate, url = redis_gate
    told: list[str] = []
    # Longer than elsewhere: a busy machine may be late by a good part of a second.
    cut_off, other = worker(redis=url, lease=3.0), worker(lease=3.0)

    @cut_off.task(task_name="sleep")
    async def sleep() -> None:
        told.append("begun")
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            told.append("stopped")
            raise

    @other.task(task_name="sleep")
    async def sleep_elsewhere() -> None:
        told.append("begun elsewhere")

    await cut_off.start()
    await enqueue(redis, SLEEP)
    await until(lambda: told)
    await gate.close()
    await other.start()
    await until(lambda: "begun elsewhere" in told, within=30)
    assert told == ["begun", "stopped", "begun elsewhere"]
    await gate.open()


async def test_a_job_whose_worker_is_cut_off_again_and_again_is_not_held_to_have_killed_it(
    worker: Any, redis_gate: Any, redis: Redis, until: Any
) -> None:
    gate, url = redis_gate
    stopped: list[bool] = []
    one = worker(redis=url)

    @one.task(task_name="sleep")
    async def sleep() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            stopped.append(True)
            raise

    await one.start()
    await enqueue(redis, SLEEP)
    # As often as a job may kill its worker, which this one does not.
    for _ in range(DEATHS):
        (delivery,) = await until(lambda: [d for d in one.broker.in_flight.everything if d.started_at])
        await gate.close()
        await until(lambda: stopped and stopped.pop())
        await gate.open()
        # And goes on with it afterwards, without having been started anew.
        await until(lambda d=delivery: d not in one.broker.in_flight.everything)
    (delivery,) = await until(lambda: [d for d in one.broker.in_flight.everything if d.started_at])
    assert delivery.deaths == 0


async def test_a_job_that_another_took_over_before_its_answer_was_read_does_not_begin(
    worker: Any, redis: Redis, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []
    taken: list[Entry] = []
    one = worker()

    @one.task(task_name="sleep")
    async def sleep() -> None:
        ran.append("here")

    thief, fetch = Consumer(redis, "thief", one.broker._consumer.lease), one.broker._consumer.fetch

    async def fetch_and_freeze(counts: Any) -> list[Entry]:
        entries = await fetch(counts)
        if entries and not taken:
            while not taken:
                time.sleep(0.1)  # noqa: ASYNC251 - nothing else of this process goes on either
                taken.extend(await thief.reclaim("embed", 1, ()))
        return entries

    monkeypatch.setattr(one.broker._consumer, "fetch", fetch_and_freeze)
    await one.start()
    await enqueue(redis, SLEEP)
    await until(lambda: taken and not one.broker.in_flight.everything)
    assert ran == []


async def test_a_job_whose_lease_cannot_be_renewed_for_a_mistake_of_ours_is_stopped(
    worker: Any, redis: Redis, until: Any
) -> None:
    stopped: list[bool] = []
    one = worker()

    @one.task(task_name="sleep")
    async def sleep() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            stopped.append(True)
            raise

    await one.start()
    await enqueue(redis, SLEEP)
    (delivery,) = await until(lambda: [d for d in one.broker.in_flight.everything if d.started_at])
    # No text that could be sent to Redis.
    delivery.hold = replace(delivery.hold, key="\ud800")
    await until(lambda: stopped)


async def test_a_job_that_ends_while_redis_is_away_is_ended_when_it_is_back_and_not_run_again(
    worker: Any, redis_gate: Any, redis: Redis, until: Any
) -> None:
    gate, url = redis_gate
    runs: list[float] = []
    one = worker(redis=url)

    @one.task(task_name="sleep")
    async def sleep() -> None:
        runs.append(time.monotonic())
        await gate.close()

    await one.start()
    await enqueue(redis, SLEEP)
    await until(lambda: runs)
    # Longer than the lease.
    await asyncio.sleep(1.5)
    await gate.open()

    async def is_empty() -> bool:
        return await redis.xlen(keys.stream("embed")) == 0

    await until(is_empty)
    assert len(runs) == 1


@pytest.mark.parametrize("age", [0.0, 0.7, 5.0])
async def test_a_lease_that_nobody_else_took_is_taken_up_again(
    worker: Any, redis: Redis, until: Any, age: float
) -> None:
    found: list[bool] = []
    one = worker()

    @one.task(task_name="sleep")
    async def sleep() -> None:
        delivery = current.get()
        assert delivery is not None
        delivery.renewed_at -= age
        found.append(await still_mine())

    await one.start()
    await enqueue(redis, SLEEP)
    await until(lambda: found)
    assert found == [True]

"""A worker process makes place for a fresh one, once, when it is old, big, orphaned, or asked to."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from redis.asyncio import Redis

from core.queues import Job, enqueue, keys, worker_beats
from core.queues.beats import drain_worker, recycle_worker, resume_worker
from workers.limits import Limits


@pytest.fixture
def stops() -> list[bool]:
    return []


def test_a_process_in_its_prime_goes_on(stops: list[bool]) -> None:
    limits = Limits(stop=lambda: stops.append(True))
    limits.begin()
    limits.after_a_job()
    limits.look_after_the_manager()
    assert (stops, limits.is_draining) == ([], False)


def test_age_and_memory_end_it_once(stops: list[bool]) -> None:
    old = Limits(lifetime=0, stop=lambda: stops.append(True))
    old.begin()
    old.after_a_job()
    old.after_a_job()
    assert stops == [True]
    big = Limits(growth_mb=-1, stop=lambda: stops.append(True))
    big.begin()
    big.after_a_job()
    assert stops == [True, True]


def test_processes_that_start_together_do_not_end_together() -> None:
    lifetimes = [Limits(lifetime=3600)._lifetime for _ in range(200)]
    assert 3240 <= min(lifetimes) < 3400
    assert 3800 < max(lifetimes) <= 3960


async def test_a_person_asks_for_a_fresh_process(worker: Any, redis: Redis, until: Any, stops: list[bool]) -> None:
    one = worker(recycling=Limits(stop=lambda: stops.append(True)))
    await one.start()
    (beat,) = await until(lambda: worker_beats(redis))
    await recycle_worker(redis, beat.name)
    await until(lambda: stops)

    async def is_told() -> bool:
        return [beat.draining for beat in await worker_beats(redis)] == [True]

    await until(is_told)


async def test_a_worker_that_a_person_drains_takes_nothing_until_it_is_resumed(
    worker: Any, redis: Redis, until: Any
) -> None:
    one, ran = worker(), []

    @one.task(task_name="note")
    async def note() -> None:
        ran.append(1)

    async def states() -> list[str]:
        return [beat.state for beat in await worker_beats(redis)]

    await one.start()
    (beat,) = await until(lambda: worker_beats(redis))
    await drain_worker(redis, beat.name)
    await until(lambda: _is(states, ["drained"]))
    await enqueue(redis, Job("note", (), "embed"))
    # Longer than it takes one that is free, and longer than the next beat.
    await asyncio.sleep(1.0)
    assert ran == []
    await resume_worker(redis, beat.name)
    await until(lambda: ran)
    await until(lambda: _is(states, ["idle"]))
    await drain_worker(redis, beat.name)
    await one.stop()
    assert await redis.exists(keys.WORKERS_DRAINED) == 0


async def _is(asked: Callable[[], Awaitable[list[str]]], expected: list[str]) -> bool:
    return await asked() == expected


async def test_after_a_job_its_limits_are_looked_at(worker: Any, redis: Redis, until: Any, stops: list[bool]) -> None:
    one = worker(recycling=Limits(lifetime=0, stop=lambda: stops.append(True)))

    @one.task(task_name="note")
    async def note() -> None: ...

    await one.start()
    assert stops == []
    await enqueue(redis, Job("note", (), "embed"))
    await until(lambda: stops)


async def test_one_that_is_drained_makes_no_place_for_one_that_is_not(
    worker: Any, redis: Redis, until: Any, stops: list[bool]
) -> None:
    one, go = worker(recycling=Limits(lifetime=0, stop=lambda: stops.append(True))), asyncio.Event()

    @one.task(task_name="note")
    async def note() -> None:
        await go.wait()

    await one.start()
    await enqueue(redis, Job("note", (), "embed"))
    await until(lambda: one.broker.in_flight.everything)
    await drain_worker(redis, one.broker.worker_name)
    await until(lambda: one.broker._reader.rests)
    go.set()
    await until(lambda: not one.broker.in_flight.everything)
    assert stops == []
    await resume_worker(redis, one.broker.worker_name)
    await until(lambda: not one.broker._reader.rests)
    await enqueue(redis, Job("note", (), "embed"))
    await until(lambda: stops)

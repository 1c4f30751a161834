"""A worker process makes place for a fresh one, once, when it is old, big, orphaned, or asked to."""

from typing import Any

import pytest
from redis.asyncio import Redis

from core.queues import Job, enqueue, worker_beats
from core.queues.beats import recycle_worker
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


async def test_after_a_job_its_limits_are_looked_at(worker: Any, redis: Redis, until: Any, stops: list[bool]) -> None:
    one = worker(recycling=Limits(lifetime=0, stop=lambda: stops.append(True)))

    @one.task(task_name="note")
    async def note() -> None: ...

    await one.start()
    assert stops == []
    await enqueue(redis, Job("note", (), "embed"))
    await until(lambda: stops)

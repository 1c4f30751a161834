"""Workers that are killed, frozen and stopped: every job has its effect, and no two runs of one overlap."""

import asyncio
import random
import signal
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from redis.asyncio import Redis
from sqlalchemy import select, text

from core.db import Database
from core.models import FailedJob
from core.queues import Job, QueueDepth, enqueue, keys, worker_beats

pytestmark = pytest.mark.chaos
Depth = Callable[[str], Awaitable[QueueDepth]]


async def send(redis: Redis, job: str, *arguments: float, task: str = "work", queue: str = "embed") -> None:
    assert await enqueue(redis, Job(task, (job, *arguments), queue, f"{task}:{job}")) is not None


async def ready(redis: Redis, until: Any, count: int) -> None:
    async def are_there() -> bool:
        return len(await worker_beats(redis)) >= count

    await until(are_there)


async def empty(depth: Depth, until: Any, within: float = 15) -> None:
    async def is_empty() -> bool:
        found = await depth("embed")
        return (found.waiting, found.running, found.delayed) == (0, 0, 0)

    await until(is_empty, within)


async def test_a_job_whose_worker_is_killed_runs_again_within_the_lease_and_two_seconds(
    crew: Any, redis: Redis, until: Any, depth: Depth, record_property: Any
) -> None:
    victim, _ = crew.start(), crew.start()
    await ready(redis, until, 2)
    waits = []

    async def there_are_two() -> bool:
        return sum(crew.is_running(beat.pid) for beat in await worker_beats(redis)) >= 2

    for n in range(2):
        # Whoever has the job is killed, and replaced; the other one is there already.
        await until(there_are_two)
        await send(redis, f"job {n}", 1.0)
        await until(lambda n=n: crew.count("start", f"job {n}"))
        victim = next(event["pid"] for event in crew.events() if event["job"] == f"job {n}")
        killed_at = crew.send(victim, signal.SIGKILL)
        crew.start()
        await until(lambda n=n: crew.count("start", f"job {n}") == 2)
        waits.append(crew.events()[-1]["at"] - killed_at)
        await until(lambda n=n: crew.count("end", f"job {n}") == 1)
    record_property("seconds from kill to re-run", [round(wait, 1) for wait in waits])
    assert max(waits) < 3.0 + 2.0
    assert crew.overlaps() == []
    await empty(depth, until)


async def test_workers_killed_at_random_moments_lose_nothing(crew: Any, redis: Redis, until: Any, depth: Depth) -> None:
    chance = random.Random(7)
    jobs = [f"job {n}" for n in range(300)]
    pids = [crew.start(), crew.start()]
    await ready(redis, until, 2)
    for n, job in enumerate(jobs):
        await send(redis, job, chance.choice((0.0, 0.0, 0.01, 0.1)))
        if n % 60 == 30:
            crew.send(pids.pop(0), signal.SIGKILL)
            pids.append(crew.start())
        await asyncio.sleep(0.005)
    await until(lambda: not crew.lost(jobs), 30)
    assert crew.overlaps() == []
    await empty(depth, until)


@pytest.mark.parametrize(("when", "runs"), [("before_the_start", 1), ("after_the_effect", 2)])
async def test_killed_before_the_start_or_after_the_effect_and_before_the_ack_the_job_runs_again_and_not_at_once(
    crew: Any, redis: Redis, until: Any, depth: Depth, when: str, runs: int
) -> None:
    victim = crew.start()
    await send(redis, "job", task=f"die_once_{when}")
    await until(lambda: not crew.is_running(victim))
    assert crew.count("end") == runs - 1
    crew.start()
    await until(lambda: crew.count("end") == runs)
    assert crew.overlaps() == []
    await empty(depth, until)


async def test_a_hundred_waiting_jobs_are_finished_by_the_others_without_any_new_traffic(
    crew: Any, redis: Redis, until: Any, depth: Depth
) -> None:
    jobs = [f"job {n}" for n in range(100)]
    victim = crew.start(slots=10)
    await ready(redis, until, 1)
    for job in jobs:
        await send(redis, job, 0.3)
    await until(lambda: crew.count("start") >= 10)
    crew.send(victim, signal.SIGKILL)
    crew.start(slots=10)
    await until(lambda: not crew.lost(jobs), 20)
    assert crew.overlaps() == []
    await empty(depth, until)


async def test_a_worker_frozen_past_its_lease_has_no_effect_when_it_wakes(
    crew: Any, redis: Redis, until: Any, depth: Depth
) -> None:
    frozen = crew.start()
    await ready(redis, until, 1)
    await send(redis, "job", 2.0)
    await until(lambda: crew.count("start"))
    crew.send(frozen, signal.SIGSTOP)
    crew.start()
    await until(lambda: crew.count("start") == 2)
    # In the middle of the second run.
    await asyncio.sleep(0.5)
    crew.send(frozen, signal.SIGCONT)
    await until(lambda: crew.count("stopped") == 1, 3)
    await until(lambda: crew.count("end") == 1)
    by = {event["event"]: event["pid"] for event in crew.events()}
    assert by["stopped"] == frozen
    assert by["end"] != frozen
    await empty(depth, until)
    assert crew.count("start") == 2
    # And it is of use again.
    await send(redis, "next")
    await until(lambda: crew.count("end", "next"))


async def test_workers_that_were_frozen_together_do_not_take_each_others_jobs(
    crew: Any, redis: Redis, until: Any, depth: Depth
) -> None:
    # The one that wakes last has half of it to say what it has, however busy this machine is.
    lease = 6.0
    busy = crew.start(lease=lease)
    await ready(redis, until, 1)
    for n in range(4):
        await send(redis, f"job {n}", 8.0)
    await until(lambda: crew.count("start") == 4)
    idle = crew.start(lease=lease)
    await ready(redis, until, 2)
    (name,) = [beat.name for beat in await worker_beats(redis) if beat.pid == idle]

    async def silent_ms() -> int | None:
        """For how long the idle one has not read."""
        found = await redis.xinfo_consumers(keys.stream("embed"), keys.GROUP)
        return next((one["idle"] for one in found if one["name"] == name.encode()), None)

    async def have_run_out() -> bool:
        seconds, _ = await redis.time()
        return all(int(one.split(b"|")[1]) < seconds * 1000 for one in await redis.hvals("signalist:{embed}:leases"))

    async def reads() -> bool:
        return await silent_ms() < silent

    await until(silent_ms)
    for pid in (busy, idle):
        crew.send(pid, signal.SIGSTOP)
    await until(have_run_out)
    silent = await silent_ms()
    crew.send(idle, signal.SIGCONT)
    # Before it reads, it looks for what it could take over.
    await until(reads)
    crew.send(busy, signal.SIGCONT)
    await until(lambda: crew.count("end") == 4, 20)
    assert crew.count("start") == 4
    await empty(depth, until)


async def test_a_transaction_that_was_open_while_its_worker_was_frozen_is_rolled_back(
    crew: Any, redis: Redis, until: Any, database: Database
) -> None:
    async with database.owner_session() as session:
        await session.execute(text("create table effects (job text)"))
    frozen = crew.start()
    await ready(redis, until, 1)
    await send(redis, "job", 2.0, task="write")
    await until(lambda: crew.count("start"))
    crew.send(frozen, signal.SIGSTOP)
    crew.start()
    await until(lambda: crew.count("end") == 1)
    crew.send(frozen, signal.SIGCONT)
    await until(lambda: crew.count("stopped") == 1)
    async with database.session() as session:
        assert (await session.execute(text("select count(*) from effects"))).scalar_one() == 1


async def test_a_job_that_kills_its_worker_is_recorded_after_three_and_harms_no_other(
    crew: Any, redis: Redis, until: Any, depth: Depth, database: Database
) -> None:
    jobs = [f"job {n}" for n in range(12)]
    for job in jobs:
        await send(redis, job, 0.5)
    await send(redis, "killer", task="die")
    crew.start(managed=True, processes=2, slots=8)

    async def recorded() -> list[FailedJob]:
        async with database.session() as session:
            return list((await session.scalars(select(FailedJob))).all())

    (row,) = await until(recorded, 40)
    assert (row.task, row.args, row.reason, row.deliveries) == ("die", ["killer"], "killed its worker 3 times", 3)
    await until(lambda: not crew.lost(jobs), 20)
    assert crew.count("start", "killer") == 3
    assert [row.task for row in await recorded()] == ["die"]
    assert crew.overlaps() == []
    await empty(depth, until)


async def test_a_job_longer_than_the_lease_runs_once_also_if_it_blocks_its_worker(
    crew: Any, redis: Redis, until: Any, depth: Depth
) -> None:
    crew.start(slots=1)
    crew.start(slots=1)
    await ready(redis, until, 2)
    await send(redis, "long", 5.0)
    await send(redis, "blocking", 5.0, task="block")
    await until(lambda: crew.count("end") == 2)
    assert crew.count("start") == 2
    await empty(depth, until)


async def test_a_stop_leaves_nothing_stranded_and_what_it_could_not_finish_runs_at_once(
    crew: Any, redis: Redis, until: Any, depth: Depth
) -> None:
    jobs = [f"job {n}" for n in range(40)]
    manager = crew.start(managed=True, processes=2, slots=4, drain=0.5)
    await ready(redis, until, 2)
    for job in jobs:
        await send(redis, job, 2.0)
    await until(lambda: crew.count("start") == 8)
    crew.send(manager, signal.SIGTERM)
    crew.wait(manager)
    found = await depth("embed")
    assert (found.running, found.waiting) == (0, 40)
    assert await worker_beats(redis) == ()
    started = time.monotonic()
    crew.start(slots=40)
    await until(lambda: not crew.lost(jobs), 20)
    first = min(event["at"] for event in crew.events() if event["event"] == "start" and event["at"] > started)
    last = max(event["at"] for event in crew.events() if event["event"] == "start")
    assert last - first < 1.5, "something waited for a lease to end"
    assert crew.overlaps() == []


async def test_recycled_workers_lose_and_repeat_nothing(crew: Any, redis: Redis, until: Any, depth: Depth) -> None:
    jobs = [f"job {n}" for n in range(150)]
    crew.start(managed=True, processes=2, slots=4, lifetime=1.0, drain=5.0)
    await ready(redis, until, 2)
    for job in jobs:
        await send(redis, job, 0.1)
        await asyncio.sleep(0.03)
    await until(lambda: not crew.lost(jobs), 30)
    assert len({event["pid"] for event in crew.events()}) > 2
    assert crew.count("start") == len(jobs)
    await empty(depth, until)


async def test_workers_whose_manager_was_killed_finish_and_go(crew: Any, redis: Redis, until: Any) -> None:
    manager = crew.start(managed=True, processes=1)
    await ready(redis, until, 1)
    (child,) = crew.children(manager)
    crew.send(manager, signal.SIGKILL)
    await until(lambda: not crew.is_running(child), 10)

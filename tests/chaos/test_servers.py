"""Redis and Postgres are killed, emptied, filled up and restarted under running workers."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from redis.asyncio import Redis
from sqlalchemy import select, text

from core.db import Database
from core.errors import RedisFull
from core.models import FailedJob
from core.queues import Job, QueueDepth, enqueue, keys, worker_beats
from core.servers.postgres import Postgres
from core.servers.valkey import Valkey

pytestmark = pytest.mark.chaos
Depth = Callable[[str], Awaitable[QueueDepth]]
# Longer than any beat: what a reconciler waits before it takes something for missing.
SETTLED_S = 2.0


def job(name: str, *arguments: float, task: str = "work") -> Job:
    return Job(task, (name, *arguments), "embed", f"{task}:{name}")


async def ready(redis: Redis, until: Any, count: int) -> None:
    async def are_there() -> bool:
        return len(await worker_beats(redis)) >= count

    await until(are_there)


async def empty(depth: Depth, until: Any, within: float = 15) -> None:
    async def is_empty() -> bool:
        found = await depth("embed")
        return (found.waiting, found.running, found.delayed) == (0, 0, 0)

    await until(is_empty, within)


def kill(server: Valkey) -> None:
    """As a power cut does."""
    assert server.process is not None
    server.process.kill()
    server.process.wait()


def restart(server: Valkey) -> None:
    server.start()
    server.wait_until_ready()


async def reconcile(crew: Any, redis: Redis, jobs: list[str]) -> None:
    """Sends again what has had no effect, as the scheduler does from what Postgres says."""
    await asyncio.sleep(SETTLED_S)
    for name in crew.lost(jobs):
        await enqueue(redis, job(name, 0.2))


async def test_what_was_sent_before_any_worker_existed_runs(crew: Any, redis: Redis, until: Any, depth: Depth) -> None:
    jobs = [f"job {n}" for n in range(50)]
    for name in jobs:
        await enqueue(redis, job(name))
    crew.start()
    await until(lambda: not crew.lost(jobs))
    assert crew.count("start") == 50
    await empty(depth, until)


async def test_a_valkey_that_is_killed_and_comes_back_with_its_file_loses_nothing(
    crew: Any, valkey: Valkey, redis: Redis, until: Any, depth: Depth
) -> None:
    jobs = [f"job {n}" for n in range(120)]
    pids = {crew.start(), crew.start()}
    await ready(redis, until, 2)
    for name in jobs:
        await enqueue(redis, job(name, 0.2))
    await until(lambda: crew.count("end") > 10)
    # Its file is written to the disk once a second: so much it may lose, of what was sent or ended in that second.
    kill(valkey)
    await asyncio.sleep(1.0)
    restart(valkey)
    await until(lambda: crew.count("end") >= 110, 20)
    await reconcile(crew, redis, jobs)
    await until(lambda: not crew.lost(jobs), 20)
    assert crew.overlaps() == []
    assert all(crew.is_running(pid) for pid in pids)
    await empty(depth, until)


@pytest.mark.parametrize("how", ["flushall", "without its file"])
async def test_an_emptied_redis_costs_delay_and_no_data(
    crew: Any, valkey: Valkey, redis: Redis, until: Any, depth: Depth, how: str
) -> None:
    jobs = [f"job {n}" for n in range(40)]
    pids = {crew.start(), crew.start()}
    await ready(redis, until, 2)
    for name in jobs:
        await enqueue(redis, job(name, 1.5))
    await until(lambda: crew.count("start") == 8)
    if how == "flushall":
        await redis.flushall()
    else:
        kill(valkey)
        shutil.rmtree(valkey.folder)
        restart(valkey)
    await reconcile(crew, redis, jobs)
    await until(lambda: not crew.lost(jobs), 30)
    # What ran when the data was lost has ended once, and was not begun again by the side.
    assert crew.overlaps() == []
    assert crew.count("end") == 40
    assert all(crew.is_running(pid) for pid in pids)
    await empty(depth, until)


async def test_what_is_sent_again_at_once_after_redis_was_emptied_does_not_run_beside_itself(
    crew: Any, redis: Redis, until: Any, depth: Depth
) -> None:
    jobs = [f"job {n}" for n in range(4)]
    crew.start()
    await ready(redis, until, 1)
    for name in jobs:
        await enqueue(redis, job(name, 30.0))
    await until(lambda: crew.count("start") == 4)
    # One that has nothing to do takes whatever comes.
    crew.start()
    await ready(redis, until, 2)
    assert crew.count("end") == 0
    await redis.flushall()
    for name in jobs:
        await enqueue(redis, job(name, 0.2))
    await until(lambda: not crew.lost(jobs), 60)
    await empty(depth, until)
    assert crew.overlaps() == []


async def test_a_consumer_group_that_was_deleted_is_made_anew_and_nothing_runs_twice(
    crew: Any, redis: Redis, until: Any, depth: Depth
) -> None:
    jobs = [f"job {n}" for n in range(40)]
    crew.start()
    crew.start()
    await ready(redis, until, 2)
    for name in jobs:
        await enqueue(redis, job(name, 1.0))
    await until(lambda: crew.count("start") >= 8)
    for _ in range(3):
        await redis.xgroup_destroy(keys.stream("embed"), keys.GROUP)
        await asyncio.sleep(0.5)
    await until(lambda: not crew.lost(jobs), 20)
    assert crew.count("start") == 40
    await empty(depth, until)


async def test_a_full_redis_refuses_new_jobs_and_finishes_those_that_it_has(
    crew: Any, redis: Redis, until: Any, depth: Depth, database: Database
) -> None:
    jobs = [f"job {n}" for n in range(30)]
    crew.start()
    await ready(redis, until, 1)
    for name in jobs:
        await enqueue(redis, job(name, 0.3))
    await enqueue(redis, Job("work", (), "embed", "wrong"))
    await redis.config_set("maxmemory", "1mb")
    with pytest.raises(RedisFull):
        await enqueue(redis, job("one more"))
    await until(lambda: not crew.lost(jobs), 20)
    assert len(await worker_beats(redis)) == 1

    # A job that fails is put off and recorded as ever.
    async def recorded() -> list[str]:
        async with database.session() as session:
            return list((await session.scalars(select(FailedJob.reason))).all())

    assert await until(recorded, 20) == ["gave up after 4 attempts"]
    await redis.config_set("maxmemory", "0")
    assert await enqueue(redis, job("one more")) is not None
    await until(lambda: not crew.lost(["one more"]))
    assert crew.overlaps() == []
    await empty(depth, until)


async def test_jobs_whose_postgres_is_restarted_under_them_have_their_effect_once(
    crew: Any, redis: Redis, until: Any, depth: Depth, database: Database, postgres: Postgres
) -> None:
    jobs = [f"job {n}" for n in range(40)]
    async with database.owner_session() as session:
        await session.execute(text("create table effects (job text)"))
    crew.start()
    crew.start()
    await ready(redis, until, 2)
    for name in jobs:
        await enqueue(redis, job(name, 0.5, task="write"))
    await until(lambda: crew.count("end") >= 4)
    # In the middle of transactions, one by one; then the whole server, for a while.
    async with database.owner_session() as session:
        await session.execute(
            text("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'signalist-chaos'")
        )
    await until(lambda: crew.count("end") >= 12)
    postgres.stop()
    await asyncio.sleep(2)
    postgres.start()
    postgres.wait_until_ready()
    await until(lambda: not crew.lost(jobs), 40)
    assert crew.overlaps() == []
    await empty(depth, until)
    async with database.session() as session:
        rows = (await session.scalars(text("select job from effects"))).all()
        failed = (await session.scalars(select(FailedJob.job_key))).all()
    assert set(rows) == set(jobs)
    # A commit whose answer was lost counts as a failure, and is made again.
    assert len(rows) <= len(jobs) + 8
    assert failed == []


async def test_garbage_in_the_stream_is_recorded_and_in_nobodys_way(
    crew: Any, redis: Redis, until: Any, depth: Depth, database: Database
) -> None:
    for fields in ({"data": b"\x00\xff"}, {"nothing": b"1"}, {"data": b'{"task_id": 1}'}):
        await redis.xadd(keys.stream("embed"), fields)
    await enqueue(redis, Job("nobody knows", (), "embed"))
    await enqueue(redis, job("good"))
    crew.start(slots=1)
    await until(lambda: not crew.lost(["good"]))

    async def recorded() -> list[str]:
        async with database.session() as session:
            return sorted((await session.scalars(select(FailedJob.reason))).all())

    async def all_recorded() -> Any:
        found = await recorded()
        return found if len(found) == 4 else None

    assert await until(all_recorded) == ["unknown task", "unreadable", "unreadable", "unreadable"]
    await empty(depth, until)

"""What a page of jobs shows."""

import datetime as dt
import json
from collections.abc import Callable

import pytest
from redis.asyncio import Redis

from core.errors import BadRequest
from core.queues import Job, enqueue, keys
from core.queues.delivery import Consumer, Hold
from core.queues.listing import finished, percentiles, sample

NOW = dt.datetime.now(dt.UTC)


async def test_running_waiting_and_delayed_jobs_are_listed_oldest_first(
    redis: Redis, consumer: Callable[[str], Consumer]
) -> None:
    worker = consumer("box:1")
    for n in range(5):
        await enqueue(redis, Job("t", (n,), "embed", f"t:{n}"))
    await enqueue(redis, Job("later", ("x",), "embed"), delay=60)
    first, second = await worker.fetch({"embed": 2})
    task_id = json.loads(second.fields[b"data"])["task_id"]
    await worker.release(Hold("embed", second.id, task_id, "t:1", second.taken_ms))
    jobs = await sample(redis, "embed", 3)
    assert [(job.task, job.key, job.args, job.worker, job.deliveries) for job in jobs.running] == [
        ("t", "t:0", (0,), "box:1", 1)
    ]
    assert [job.key for job in jobs.waiting] == ["t:1", "t:2", "t:3"]
    ((later),) = jobs.delayed
    assert (later.task, later.args) == ("later", ("x",))
    assert later.at - jobs.running[0].at == pytest.approx(dt.timedelta(seconds=60), abs=dt.timedelta(seconds=2))
    assert first.added_at <= jobs.running[0].at.timestamp()


async def test_nothing_and_garbage_can_be_listed_too(redis: Redis) -> None:
    assert await sample(redis, "ops") == await sample(redis, "ops", 1)
    for data in (b"\xff", b"[]", b"{}", b'{"labels": 1, "args": 2}', b"[" * 100_000):
        await redis.xadd(keys.stream("ops"), {"data": data})
    await redis.xadd(keys.stream("ops"), {"other": b"field"})
    jobs = await sample(redis, "ops")
    assert [(job.task, job.args) for job in jobs.waiting] == [("", ())] * 6
    with pytest.raises(BadRequest):
        await sample(redis, "nowhere")


async def test_what_ended_is_listed_newest_first_with_its_times(
    redis: Redis, consumer: Callable[[str], Consumer]
) -> None:
    worker = consumer("box:1")
    for n in range(3):
        await enqueue(redis, Job("t", (n,), "embed"))
    for n, entry in enumerate(await worker.fetch({"embed": 3})):
        hold = Hold("embed", entry.id, json.loads(entry.fields[b"data"])["task_id"], "", entry.taken_ms)
        record = {
            "task_id": hold.task_id,
            "task": "t",
            "key": None,
            "args": [n],
            "outcome": "done",
            "waited_s": 0.5,
            "ran_s": float(n),
            "ended_at": NOW.timestamp() + n,
            "worker": "box:1",
            "attempt": 1,
        }
        await worker.finish(hold, "done", json.dumps(record))
    await redis.lpush(keys.finished("embed"), "{}", "nonsense")
    jobs = await finished(redis, "embed")
    assert [(job.args, job.outcome, job.ran_s) for job in jobs] == [
        ((2,), "done", 2.0),
        ((1,), "done", 1.0),
        ((0,), "done", 0.0),
    ]


def test_percentiles_are_measured_values() -> None:
    assert percentiles([]) is None
    found = percentiles([5.0])
    assert found is not None
    assert (found.count, found.p50, found.p95, found.p99) == (1, 5.0, 5.0, 5.0)
    found = percentiles([float(n) for n in range(100)])
    assert found is not None
    assert (found.count, found.p50, found.p95, found.p99) == (100, 50.0, 95.0, 99.0)

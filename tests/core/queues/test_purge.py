"""Deleting all that a queue has not begun."""

import asyncio
import datetime as dt
import json
from collections.abc import Callable

import psycopg
import pytest
from redis.asyncio import Redis

from core.access import Role, User, on_this_machine
from core.db import Database
from core.errors import BadRequest, Forbidden
from core.purging import purge_queue
from core.queues import Job, Purged, depths, enqueue, keys, purge
from core.queues.delivery import Consumer, Entry, Hold
from core.queues.listing import sample

ROOT = on_this_machine("root")


async def test_what_waits_and_what_is_delayed_is_deleted_and_its_keys_are_free(redis: Redis) -> None:
    jobs = [Job("t", (n,), "embed", f"t:{n}") for n in range(4)]
    for job in jobs[:3]:
        await enqueue(redis, job)
    await enqueue(redis, jobs[3], delay=60)
    await enqueue(redis, Job("other", (), "crawl"))
    assert await purged(redis) == Purged(waiting=3, delayed=1)
    assert await left(redis) == (0, 0, 0)
    (crawl, *_) = await depths(redis, dt.datetime.now(dt.UTC))
    assert crawl.waiting == 1
    assert await redis.hget("signalist:{embed}:counts", "cancelled") == b"4"
    for part in ("keys", "places", "bodies", "delayed"):
        assert not await redis.exists(f"signalist:{{embed}}:{part}"), part
    assert all([await enqueue(redis, job) for job in jobs])


async def test_a_running_job_is_not_touched_and_ends_normally(
    redis: Redis, consumer: Callable[[str], Consumer]
) -> None:
    worker = consumer("box:1")
    for n in range(5):
        await enqueue(redis, Job("t", (n,), "embed", f"t:{n}"))
    running, given_back = await worker.fetch({"embed": 2})
    await worker.release(hold_of(given_back))
    assert await purged(redis) == Purged(waiting=4)
    assert await left(redis) == (0, 1, 0)
    assert await enqueue(redis, Job("t", (0,), "embed", "t:0")) is None
    assert await worker.finish(hold_of(running), "done", "{}")
    assert await left(redis) == (0, 0, 0)


async def test_what_a_dead_worker_had_in_hand_is_kept(redis: Redis, consumer: Callable[[str], Consumer]) -> None:
    await enqueue(redis, Job("t", (0,), "embed", "t:0"))
    await consumer("box:1").fetch({"embed": 1})
    await redis.delete("signalist:{embed}:leases")
    assert await purged(redis) == Purged()
    assert await left(redis) == (0, 1, 0)


async def test_what_runs_is_kept_also_when_the_group_was_lost(
    redis: Redis, consumer: Callable[[str], Consumer]
) -> None:
    worker = consumer("box:1")
    for n in range(3):
        await enqueue(redis, Job("t", (n,), "embed", f"t:{n}"))
    (running,) = await worker.fetch({"embed": 1})
    await redis.xgroup_destroy(keys.stream("embed"), keys.GROUP)
    assert await purged(redis) == Purged(waiting=2)
    assert await redis.xlen(keys.stream("embed")) == 1
    assert await worker.finish(hold_of(running), "done", "{}")


async def test_what_comes_in_after_the_beginning_is_kept(redis: Redis) -> None:
    for n in range(1_500):
        await enqueue(redis, Job("t", (n,), "embed", f"t:{n}"))
    for n in range(3):
        await enqueue(redis, Job("later", (n,), "embed", f"later:{n}"), delay=60)
    steps = purge(redis, "embed")
    assert await anext(steps) == Purged()
    await enqueue(redis, Job("new", (), "embed"))
    await enqueue(redis, Job("new and later", (), "embed"), delay=60)
    # One of those that were there becomes due meanwhile.
    due = (await redis.zrange(keys.delayed("embed"), 0, 0))[0]
    assert isinstance(due, bytes)
    await redis.zadd(keys.delayed("embed"), {due: 1})
    await Consumer(redis, "box:1", 1).promote()
    assert [step async for step in steps] == [Purged(0, 3), Purged(1_000, 3), Purged(1_500, 3)]
    found = await sample(redis, "embed")
    assert [job.task for job in found.waiting] == ["new"]
    assert [job.task for job in found.delayed] == ["new and later"]


async def test_two_who_purge_at_once_delete_each_job_once(redis: Redis) -> None:
    for n in range(2_300):
        await enqueue(redis, Job("t", (n,), "embed", f"t:{n}"), delay=60 if n < 1_100 else 0)
    counts = await asyncio.gather(purged(redis), purged(redis))
    assert sum(one.waiting for one in counts) == 1_200
    assert sum(one.delayed for one in counts) == 1_100
    assert await redis.hget("signalist:{embed}:counts", "cancelled") == b"2300"
    assert await left(redis) == (0, 0, 0)


async def test_workers_that_take_jobs_meanwhile_keep_them(redis: Redis, consumer: Callable[[str], Consumer]) -> None:
    worker = consumer("box:1")
    for n in range(2_500):
        await enqueue(redis, Job("t", (n,), "embed", f"t:{n}"))
    taken, deleted = 0, 0
    async for so_far in purge(redis, "embed"):
        deleted = so_far.waiting
        taken += len(await worker.fetch({"embed": 7}))
    assert taken
    assert deleted + taken == 2_500
    assert await left(redis) == (0, taken, 0)


async def test_garbage_is_deleted_too_and_an_empty_queue_is_no_error(redis: Redis) -> None:
    assert await purged(redis) == Purged()
    for text in (b"\xff", b"[]", b"{}", b'{"labels": 1, "task_id": 2}', b"[" * 100_000):
        await redis.xadd(keys.stream("embed"), {"data": text})
    await redis.xadd(keys.stream("embed"), {"other": b"field"})
    assert await purged(redis) == Purged(waiting=6)
    with pytest.raises(BadRequest):
        await anext(purge(redis, "nowhere"))


async def test_only_an_admin_who_names_the_queue_purges_it_and_the_counts_are_on_record(
    redis: Redis, database: Database, database_url: str
) -> None:
    await enqueue(redis, Job("t", (), "embed"))
    await enqueue(redis, Job("t", (), "embed"), delay=60)
    with pytest.raises(Forbidden):
        await purge_queue(database, redis, User(None, "otto", Role.OPERATOR), "api", "embed", confirm="embed")
    with pytest.raises(BadRequest, match=r"^Nothing was deleted: the name that was typed is not 'embed'\.$"):
        await purge_queue(database, redis, ROOT, "cli", "embed", confirm="Embed")
    assert await left(redis) == (1, 0, 1)
    assert await purge_queue(database, redis, ROOT, "cli", "embed", confirm="embed") == Purged(1, 1)
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "select actor, target, outcome, details->'waiting', details->'delayed' from records order by id"
        ).fetchall()
    assert rows == [
        ("otto", "embed", "refused", None, None),
        ("root", "embed", "failed", None, None),
        ("root", "embed", "done", 1, 1),
    ]


async def purged(redis: Redis) -> Purged:
    """The whole of it."""
    return [so_far async for so_far in purge(redis, "embed")][-1]


async def left(redis: Redis) -> tuple[int, int, int]:
    (embed,) = [depth for depth in await depths(redis, dt.datetime.now(dt.UTC)) if depth.name == "embed"]
    return embed.waiting, embed.running, embed.delayed


def hold_of(entry: Entry) -> Hold:
    fields = json.loads(entry.fields[b"data"])
    return Hold("embed", entry.id, fields["task_id"], fields["labels"].get("job_key", ""), entry.taken_ms)

"""What a transaction promises is sent if it commits, and never if it does not."""

import datetime as dt
import json

import pytest
from redis.asyncio import Redis
from sqlalchemy import text

from core.db import Database
from core.errors import BadRequest, RedisUnavailable
from core.queues import Job, connect, crawl_feed, depths, enqueue, keys, outbox
from core.queues.delivery import Consumer, Hold


async def waiting(redis: Redis) -> int:
    return sum(depth.waiting for depth in await depths(redis, dt.datetime.now(dt.UTC)))


async def promised(database: Database) -> int:
    async with database.session() as session:
        return int((await session.execute(text("select count(*) from outbox"))).scalar_one())


async def test_a_commit_sends_the_job_at_once(database: Database, redis: Redis) -> None:
    async with outbox.transaction(database, redis) as session:
        task_id = await outbox.stage(session, crawl_feed("1"))
        assert await waiting(redis) == 0
    ((_, fields),) = await redis.xrange(keys.stream("crawl"))
    assert json.loads(fields[b"data"])["task_id"] == task_id
    assert await promised(database) == 0


async def test_a_rollback_sends_nothing_ever(database: Database, redis: Redis) -> None:
    async def change_of_mind() -> None:
        async with outbox.transaction(database, redis) as session:
            await outbox.stage(session, crawl_feed("1"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await change_of_mind()
    assert await outbox.relay(database, redis) == 0
    assert (await waiting(redis), await promised(database)) == (0, 0)


async def test_a_commit_while_redis_is_away_is_sent_when_it_is_back(database: Database, redis: Redis) -> None:
    nowhere = connect("redis://127.0.0.1:1/0")
    async with outbox.transaction(database, nowhere) as session:
        await outbox.stage(session, crawl_feed("1"))
        await outbox.stage(session, crawl_feed("2"))
    with pytest.raises(RedisUnavailable):
        await outbox.relay(database, nowhere)
    await nowhere.aclose()
    assert await promised(database) == 2
    assert await outbox.relay(database, redis) == 2
    assert (await waiting(redis), await promised(database)) == (2, 0)


async def test_a_job_that_already_waits_is_not_sent_twice(database: Database, redis: Redis) -> None:
    await enqueue(redis, crawl_feed("1"))
    async with outbox.transaction(database, redis) as session:
        await outbox.stage(session, crawl_feed("1"))
    assert (await waiting(redis), await promised(database)) == (1, 0)


async def test_a_job_that_runs_may_have_missed_the_change_so_another_follows_it(
    database: Database, redis: Redis
) -> None:
    await enqueue(redis, crawl_feed("1"))
    worker = Consumer(redis, "a", 30)
    await worker.ensure_groups()
    (entry,) = await worker.fetch({"crawl": 1})
    async with outbox.transaction(database, redis) as session:
        await outbox.stage(session, crawl_feed("1"))
    assert (await waiting(redis), await promised(database)) == (0, 1)
    task_id = json.loads(entry.fields[b"data"])["task_id"]
    assert await worker.finish(Hold("crawl", entry.id, task_id, "crawl_feed:1", entry.taken_ms), "done", "{}")
    assert await outbox.relay(database, redis) == 1
    assert (await waiting(redis), await promised(database)) == (1, 0)


async def test_two_who_relay_at_once_send_each_job_once(database: Database, redis: Redis) -> None:
    async with database.session() as session:
        for n in range(20):
            await outbox.stage(session, Job("t", (n,), "embed"))
    async with database.session() as busy:
        await busy.execute(text("select * from outbox limit 5 for update"))
        assert await outbox.relay(database, redis) == 15
    assert await outbox.relay(database, redis) == 5
    assert await waiting(redis) == 20


async def test_a_queue_that_does_not_exist_cannot_be_promised(database: Database) -> None:
    with pytest.raises(BadRequest):
        async with database.session() as session:
            await outbox.stage(session, Job("t", (), "nowhere"))


async def test_a_job_is_sent_with_everything_that_was_said_of_it(database: Database, redis: Redis) -> None:
    async with outbox.transaction(database, redis) as session:
        await outbox.stage(session, Job("t", (1,), "embed", "t:1", {"fast": True}, {"timeout": 5}))
    ((_, fields),) = await redis.xrange(keys.stream("embed"))
    message = json.loads(fields[b"data"])
    assert (message["args"], message["kwargs"]) == ([1], {"fast": True})
    assert message["labels"] == {"timeout": 5, "queue_name": "embed", "job_key": "t:1"}


async def test_jobs_that_have_to_stay_hold_up_none_behind_them(
    database: Database, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "_AT_ONCE", 2)
    worker = Consumer(redis, "a", 30)
    await worker.ensure_groups()
    async with database.session() as session:
        for n in range(3):
            await enqueue(redis, crawl_feed(str(n)))
            await outbox.stage(session, crawl_feed(str(n)))
        await outbox.stage(session, Job("t", (), "embed"))
    assert len(await worker.fetch({"crawl": 3})) == 3
    assert await outbox.relay(database, redis) == 1
    assert await promised(database) == 3

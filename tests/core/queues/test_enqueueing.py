"""A job is accepted once, or it is not accepted."""

import asyncio
import datetime as dt
import json
import uuid
from collections.abc import Callable

import pytest
from redis.asyncio import Redis

from core.errors import BadRequest, Misconfigured, RedisFull, RedisUnavailable
from core.queues import Job, connect, crawl_feed, depths, enqueue, generate_embeddings, keys, pause, resume
from core.queues.delivery import Consumer, Hold
from core.queues.enqueueing import Acceptance, offer

FEED = "0197a4b2-1111-7222-8333-444455556666"
NOW = dt.datetime.now(dt.UTC)


async def waiting(redis: Redis, queue: str = "crawl") -> int:
    return next(depth.waiting for depth in await depths(redis, NOW) if depth.name == queue)


async def test_what_is_accepted_waits_as_a_message_that_taskiq_reads(redis: Redis) -> None:
    task_id = await enqueue(redis, crawl_feed(uuid.UUID(FEED)))
    ((_, fields),) = await redis.xrange(keys.stream("crawl"))
    assert json.loads(fields[b"data"]) == {
        "task_id": task_id,
        "task_name": "crawl_feed",
        "labels": {"queue_name": "crawl", "job_key": f"crawl_feed:{FEED}"},
        "args": [FEED],
        "kwargs": {},
    }


async def test_a_job_with_a_key_is_not_accepted_while_another_with_it_waits(redis: Redis) -> None:
    assert await enqueue(redis, crawl_feed(FEED)) is not None
    assert await enqueue(redis, crawl_feed(FEED)) is None
    assert await enqueue(redis, crawl_feed("another")) is not None
    assert await enqueue(redis, generate_embeddings(FEED)) is not None
    assert await waiting(redis) == 2


async def test_nor_while_it_is_delayed_or_running_but_again_when_it_is_done(
    redis: Redis, consumer: Callable[[str], Consumer], hold: Callable[..., Hold]
) -> None:
    worker = consumer("a")
    job = crawl_feed(FEED)
    assert await enqueue(redis, job, delay=0.05) is not None
    assert await enqueue(redis, job) is None
    while not (entries := await worker.fetch({"crawl": 1})):
        await worker.promote()
    assert await enqueue(redis, job) is None
    task_id = json.loads(entries[0].fields[b"data"])["task_id"]
    assert await worker.finish(hold(entries[0], task_id, job.key or ""), "done", "{}")
    assert await enqueue(redis, job) is not None


async def test_a_hundred_who_send_the_same_job_at_once_send_it_once(redis: Redis) -> None:
    answers = await asyncio.gather(*(enqueue(redis, crawl_feed(FEED)) for _ in range(100)))
    assert len([answer for answer in answers if answer is not None]) == 1
    assert await waiting(redis) == 1


async def test_jobs_without_a_key_are_all_accepted(redis: Redis) -> None:
    for _ in range(3):
        assert await enqueue(redis, Job("t", (1,), "crawl")) is not None
    assert await waiting(redis) == 3


async def test_offering_the_same_job_again_after_a_lost_answer_does_not_send_it_twice(redis: Redis) -> None:
    job = Job("t", (1,), "crawl")
    for _ in range(2):
        assert await offer(redis, job, "one-id") is Acceptance.ACCEPTED
    assert await waiting(redis) == 1


async def test_a_key_whose_job_was_deleted_by_hand_is_free_again(redis: Redis) -> None:
    assert await enqueue(redis, crawl_feed(FEED)) is not None
    await redis.delete(keys.stream("crawl"))
    assert await enqueue(redis, crawl_feed(FEED)) is not None


async def test_a_queue_that_nobody_reads_is_refused(redis: Redis) -> None:
    with pytest.raises(BadRequest, match="no queue 'crawling'"):
        await enqueue(redis, Job("t", (), "crawling"))


async def test_a_full_redis_refuses_with_a_sentence_and_keeps_what_it_has(redis: Redis) -> None:
    assert await enqueue(redis, crawl_feed(FEED)) is not None
    await redis.config_set("maxmemory", "1mb")
    try:
        with pytest.raises(RedisFull, match="memory limit"):
            await enqueue(redis, crawl_feed("another"))
        assert await waiting(redis) == 1
    finally:
        await redis.config_set("maxmemory", "0")
    assert await enqueue(redis, crawl_feed("another")) is not None


async def test_a_redis_that_is_not_there_is_named_within_the_deadline() -> None:
    nowhere = connect("redis://127.0.0.1:1/0")
    with pytest.raises(RedisUnavailable, match="Redis cannot be reached"):
        await enqueue(nowhere, crawl_feed(FEED))
    with pytest.raises(RedisUnavailable):
        await depths(nowhere, NOW)
    await nowhere.aclose()


async def test_a_redis_that_accepts_and_never_answers_costs_two_seconds() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        black_hole = connect(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0")
        async with asyncio.timeout(3):
            with pytest.raises(RedisUnavailable, match="does not answer"):
                await enqueue(black_hole, crawl_feed(FEED))
        await black_hole.aclose()


@pytest.mark.parametrize("url", ["http://example.com", "redis+sentinel://host:1", "", "redis://host:port/0"])
def test_an_address_that_is_none_is_a_wrong_setting(url: str) -> None:
    with pytest.raises(Misconfigured, match="REDIS_URL"):
        connect(url)


@pytest.mark.parametrize(
    "url",
    [
        "redis://:secret@host:6380/2",
        "rediss://user:secret@host/0",
        "unix:///run/valkey.sock?db=1",
        "redis+sentinel://:secret@one:26379,two:26379/mymaster/1?sentinel_password=x",
        "rediss+sentinel://one,two/mymaster",
        "redis+cluster://:secret@host:7000",
    ],
)
async def test_addresses_with_passwords_tls_sentinels_and_clusters_are_understood(url: str) -> None:
    await connect(url).aclose()


async def test_depth_tells_waiting_running_delayed_and_the_age_of_the_oldest(
    redis: Redis, consumer: Callable[[str], Consumer]
) -> None:
    empty = await depths(redis, NOW)
    assert [(d.waiting, d.running, d.delayed, d.oldest_wait_s) for d in empty] == [(0, 0, 0, None)] * 4
    worker = consumer("a")
    for n in range(5):
        await enqueue(redis, Job("t", (n,), "embed"))
    await enqueue(redis, Job("t", (6,), "embed"), delay=60)
    first, second = await worker.fetch({"embed": 2})
    later = dt.datetime.fromtimestamp(second.added_at + 7, dt.UTC)
    depth = (await depths(redis, later))[1]
    assert (depth.name, depth.waiting, depth.running, depth.delayed) == ("embed", 3, 2, 1)
    assert depth.oldest_wait_s == pytest.approx(7, abs=0.5)
    assert first.added_at <= second.added_at


async def test_a_paused_queue_is_marked_and_hands_out_nothing(
    redis: Redis, consumer: Callable[[str], Consumer]
) -> None:
    worker = consumer("a")
    await enqueue(redis, crawl_feed(FEED))
    await pause(redis, "crawl")
    assert (await depths(redis, NOW))[0].paused
    assert await worker.fetch({"crawl": 1, "embed": 1}) == []
    assert await worker.wait(["crawl"], 0.01) == []
    assert (await depths(redis, NOW))[0].waiting == 1
    await resume(redis, "crawl")
    # What the wait took and gave back is taken over, like that of a worker that stopped.
    assert len(await worker.reclaim("crawl", 1, ())) == 1

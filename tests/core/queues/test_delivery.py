"""Each job is in one pair of hands at a time, and comes back when those hands are gone."""

import asyncio
import datetime as dt
import json
import time
from collections.abc import Awaitable, Callable

import pytest
from redis.asyncio import Redis

from core.errors import RedisRefused
from core.queues import Job, depths, enqueue, keys
from core.queues.cancelling import cancel
from core.queues.delivery import DEATHS, ClockJumped, Consumer, Entry, GroupLost, Hold

NOW = dt.datetime.now(dt.UTC)
QUEUE = "crawl"
Consumers = Callable[[str], Consumer]


def hold(entry: Entry) -> Hold:
    message = json.loads(entry.fields[b"data"])
    return Hold(entry.queue, entry.id, message["task_id"], message["labels"].get("job_key", ""), entry.taken_ms)


async def take(worker: Consumer, count: int = 1) -> list[Entry]:
    entries = await worker.fetch({QUEUE: count})
    assert len(entries) == count
    return entries


async def reclaimed(worker: Consumer, *in_hand: str) -> list[Entry]:
    """Waits until the leases of others have run out."""
    async with asyncio.timeout(3):
        while not (entries := await worker.reclaim(QUEUE, 10, in_hand)):
            await asyncio.sleep(0.02)
    return entries


async def handed_out(worker: Consumer) -> list[Entry]:
    """Waits until a job is."""
    async with asyncio.timeout(5):
        while not (entries := await worker.fetch({QUEUE: 1}) or await worker.reclaim(QUEUE, 1, ())):
            await asyncio.sleep(0.02)
    return entries


async def outlasted(lease: float) -> None:
    """There is nothing to wait for when it is to be seen that nothing happens."""
    await asyncio.sleep(1.3 * lease)


async def counts(redis: Redis) -> tuple[int, int, int]:
    depth = next(depth for depth in await depths(redis, NOW) if depth.name == QUEUE)
    return depth.waiting, depth.running, depth.delayed


@pytest.fixture
def send(redis: Redis) -> Callable[..., Awaitable[str]]:
    async def one(key: str | None = None, delay: float = 0) -> str:
        task_id = await enqueue(redis, Job("t", (), QUEUE, key), delay=delay)
        assert task_id is not None
        return task_id

    return one


async def test_each_job_goes_to_one_worker(
    redis: Redis, consumer: Consumers, send: Callable[..., Awaitable[str]]
) -> None:
    sent = {await send() for _ in range(30)}
    answers = await asyncio.gather(*(consumer(str(n)).fetch({QUEUE: 2}) for n in range(20)))
    ids = [hold(entry).task_id for entries in answers for entry in entries]
    assert sorted(ids) == sorted(sent)


async def test_a_job_that_ended_is_gone_and_counted_and_nobody_can_end_it_again(
    redis: Redis, consumer: Consumers, send: Callable[..., Awaitable[str]]
) -> None:
    worker = consumer("a")
    await send("k")
    (entry,) = await take(worker)
    assert not await consumer("b").finish(hold(entry), "done", "{}")
    assert await worker.finish(hold(entry), "done", "{}")
    assert not await worker.finish(hold(entry), "done", "{}")
    (depth, *_) = await depths(redis, NOW)
    assert (depth.waiting, depth.running, depth.done, depth.failed) == (0, 0, 1, 0)
    left = {part: await redis.exists(f"signalist:{{crawl}}:{part}") for part in ("keys", "places", "leases")}
    assert left == {"keys": 0, "places": 0, "leases": 0}
    assert await redis.xlen(keys.stream(QUEUE)) == 0


async def test_a_lost_job_is_found_behind_hundreds_that_may_not_start_together(
    redis: Redis, consumer: Consumers, send: Callable[..., Awaitable[str]]
) -> None:
    dies = consumer("a")
    for _ in range(250):
        await send()
    # Each has killed another worker before.
    await redis.hset(f"signalist:{{{QUEUE}}}:vanished", mapping={e.id: "before" for e in await take(dies, 250)})
    lost = await send()
    await take(dies)
    async with asyncio.timeout(5):
        while not (found := await consumer("b").reclaim(QUEUE, 10, (), suspect=False)):
            await asyncio.sleep(0.02)
    assert [hold(entry).task_id for entry in found] == [lost]


async def test_what_one_queue_refuses_fails_no_ending_of_another(redis: Redis, consumer: Consumers) -> None:
    worker = consumer("a")
    for queue in ("crawl", "embed"):
        await enqueue(redis, Job("t", (), queue))
    crawl, embed = await worker.fetch({"crawl": 1, "embed": 1})
    await redis.set(keys.finished("crawl"), "not a list")
    answers = await asyncio.gather(
        *(worker.finish(hold(entry), "done", "{}") for entry in (crawl, embed)), return_exceptions=True
    )
    assert isinstance(answers[0], RedisRefused)
    assert answers[1] is True


async def test_a_job_that_is_given_back_is_with_another_at_once_and_killed_nobody(
    consumer: Consumers, send: Callable[..., Awaitable[str]], redis: Redis
) -> None:
    await send()
    (entry,) = await take(consumer("a"))
    await consumer("a").release(hold(entry))
    assert await counts(redis) == (1, 0, 0)
    (again,) = await consumer("b").reclaim(QUEUE, 1, ())
    assert (again.id, again.deliveries, again.deaths) == (entry.id, 2, 0)
    assert await counts(redis) == (0, 1, 0)


async def test_a_lease_that_ran_out_gives_the_job_to_another_and_the_first_can_neither_end_nor_keep_it(
    consumer: Consumers, send: Callable[..., Awaitable[str]]
) -> None:
    first, second = consumer("a"), consumer("b")
    await send("k")
    (entry,) = await take(first)
    assert await second.reclaim(QUEUE, 1, ()) == []
    (again,) = await reclaimed(second)
    assert again.deliveries == 2
    assert await first.renew([hold(entry)]) == {hold(entry)}
    assert not await first.finish(hold(entry), "done", "{}")
    assert not await first.retry(hold(entry), b"{}", 1)
    await first.release(hold(entry))
    assert await second.reclaim(QUEUE, 1, ()) == []
    assert await second.finish(hold(again), "done", "{}")


async def test_a_lease_that_is_renewed_does_not_run_out(
    consumer: Consumers, send: Callable[..., Awaitable[str]]
) -> None:
    first, second = consumer("a"), consumer("b")
    await send()
    (entry,) = await take(first)
    for _ in range(6):
        await asyncio.sleep(first.lease / 3)
        assert await first.renew([hold(entry)]) == set()
        assert await second.reclaim(QUEUE, 1, ()) == []
    assert await first.finish(hold(entry), "done", "{}")


async def test_after_another_has_ended_the_job_the_first_does_not_take_it_for_its_own(
    redis: Redis, consumer: Consumers, send: Callable[..., Awaitable[str]]
) -> None:
    first, second = consumer("a"), consumer("b")
    await send("k")
    (entry,) = await take(first)
    (again,) = await reclaimed(second)
    assert await second.finish(hold(again), "done", "{}")
    assert await first.renew([hold(entry)]) == {hold(entry)}
    assert await enqueue(redis, Job("t", (), QUEUE, "k")) is not None


async def test_an_answer_that_never_arrived_is_made_up_for_by_the_same_worker(
    consumer: Consumers, send: Callable[..., Awaitable[str]]
) -> None:
    worker = consumer("a")
    await send()
    (lost,) = await take(worker)
    # It has another job in hand, but not that one.
    (found,) = await reclaimed(worker, "1-1")
    assert found.id == lost.id


async def test_what_is_in_hand_is_not_taken_over_from_oneself(
    consumer: Consumers, send: Callable[..., Awaitable[str]]
) -> None:
    worker = consumer("a")
    await send()
    (entry,) = await take(worker)
    await outlasted(worker.lease)
    assert await worker.reclaim(QUEUE, 1, [entry.id]) == []


async def test_a_group_that_was_deleted_does_not_hand_out_what_is_running(
    redis: Redis, consumer: Consumers, send: Callable[..., Awaitable[str]]
) -> None:
    first, second = consumer("a"), consumer("b")
    await send()
    await send()
    running, done = await take(first, 2)
    assert await first.finish(hold(done), "done", "{}")
    await redis.xgroup_destroy(keys.stream(QUEUE), keys.GROUP)
    with pytest.raises(GroupLost):
        await second.fetch({QUEUE: 1})
    assert await first.renew([hold(running)]) == set()
    await second.ensure_groups()
    assert await second.fetch({QUEUE: 5}) == []
    assert await second.reclaim(QUEUE, 5, ()) == []
    assert await counts(redis) == (0, 1, 0)
    assert await first.renew([hold(running)]) == set()
    assert await first.finish(hold(running), "done", "{}")
    assert await counts(redis) == (0, 0, 0)


async def test_when_redis_loses_everything_what_runs_keeps_its_key_and_can_still_fail(
    redis: Redis, consumer: Consumers, send: Callable[..., Awaitable[str]]
) -> None:
    worker = consumer("a")
    await send("k")
    (entry,) = await take(worker)
    await redis.flushall()
    assert await worker.renew([hold(entry)]) == set()
    # Jobs of the new world come and go.
    await worker.ensure_groups()
    await send()
    (other,) = await handed_out(worker)
    assert await worker.finish(hold(other), "done", "{}")
    assert await enqueue(redis, Job("t", (), QUEUE, "k")) is None
    assert await worker.renew([hold(entry)]) == set()
    assert await worker.retry(hold(entry), entry.fields[b"data"], 0.01)
    assert await enqueue(redis, Job("t", (), QUEUE, "k")) is None
    assert await counts(redis) == (0, 0, 1)


async def test_when_redis_loses_everything_the_first_to_claim_the_key_has_the_job(
    redis: Redis, consumer: Consumers, send: Callable[..., Awaitable[str]]
) -> None:
    first, second = consumer("a"), consumer("b")
    await send("k")
    (entry,) = await take(first)
    await redis.flushall()
    await second.ensure_groups()
    await send("k")
    assert await first.renew([hold(entry)]) == {hold(entry)}
    assert not await first.finish(hold(entry), "done", "{}")


@pytest.mark.parametrize("first_asks", ["fetch", "wait", "reclaim"])
async def test_an_emptied_redis_hands_out_nothing_until_every_worker_has_said_what_it_runs(
    redis: Redis, send: Callable[..., Awaitable[str]], first_asks: str
) -> None:
    # Longer than a slow machine takes for what follows.
    busy, idle = (Consumer(redis, name, lease=2.0) for name in "ab")
    await busy.ensure_groups()
    await send("k")
    (entry,) = await take(busy)
    await redis.flushall()
    # Somebody who does not know sends it again, before its worker has said that it runs.
    emptied = time.monotonic()
    await idle.ensure_groups()
    await send("k")
    match first_asks:
        case "fetch":
            assert await idle.fetch({QUEUE: 1}) == []
        case "wait":
            assert await idle.wait([QUEUE], 0.01) == []
        case _:
            assert await idle.reclaim(QUEUE, 1, ()) == []
    (tick, *_) = await idle.promote()
    assert tick.held_back
    # That beat comes within half a lease, and stops what has been sent again.
    assert await busy.renew([hold(entry)]) == {hold(entry)}
    await handed_out(idle)
    assert time.monotonic() - emptied > 0.45 * idle.lease
    (tick, *_) = await idle.promote()
    assert not tick.held_back


async def test_a_job_that_three_workers_died_of_is_handed_over_to_be_recorded_only(
    consumer: Consumers, send: Callable[..., Awaitable[str]]
) -> None:
    await send()
    (entry,) = await take(consumer("0"))
    deaths = [entry.deaths]
    for n in range(1, DEATHS + 1):
        (entry,) = await reclaimed(consumer(str(n)))
        deaths.append(entry.deaths)
    assert deaths == [0, 1, 2, DEATHS]
    # Also if that worker dies before it has recorded it, or cannot and gives it back.
    (entry,) = await reclaimed(consumer("undertaker"))
    assert (entry.deaths, entry.deliveries) == (DEATHS + 1, DEATHS)
    await consumer("undertaker").release(hold(entry))
    (entry,) = await consumer("another").reclaim(QUEUE, 1, ())
    assert (entry.deaths, entry.deliveries) == (DEATHS + 1, DEATHS)
    assert await consumer("another").finish(hold(entry), "failed", "{}")


@pytest.mark.parametrize("comes_back_with", ["a beat", "an end", "a failure", "giving it back"])
async def test_a_worker_that_was_silent_and_comes_back_was_not_killed(
    redis: Redis, consumer: Consumers, send: Callable[..., Awaitable[str]], comes_back_with: str
) -> None:
    await send()
    (entry,) = await take(consumer("0"))
    for n in range(DEATHS + 1):
        silent = consumer(str(n))
        (entry,) = await reclaimed(consumer(str(n + 1)))
        assert entry.deaths == 1
        match comes_back_with:
            case "a beat":
                await silent.renew([hold(entry)])
            case "an end":
                assert not await silent.finish(hold(entry), "done", "{}")
            case "a failure":
                assert not await silent.retry(hold(entry), b"{}", 0)
            case _:
                await silent.release(hold(entry))
    assert await consumer(str(DEATHS + 1)).finish(hold(entry), "done", "{}")
    assert not await redis.exists("signalist:{crawl}:vanished")


async def test_a_worker_that_goes_on_was_not_killed_by_a_job_whose_answer_never_arrived(
    consumer: Consumers, send: Callable[..., Awaitable[str]]
) -> None:
    await send()
    alive = consumer("alive")
    # It does not know that it has it, so it never asks for it again.
    await take(alive)
    (entry,) = await reclaimed(consumer("b"))
    assert entry.deaths == 1
    await alive.promote()
    (entry,) = await reclaimed(consumer("c"))
    assert entry.deaths == 1
    assert await consumer("c").finish(hold(entry), "done", "{}")


async def test_when_the_clock_of_redis_is_put_forward_nothing_is_taken_over_at_once(
    consumer: Consumers, send: Callable[..., Awaitable[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    await send()
    await take(consumer("a"))
    await outlasted(consumer("a").lease)
    worker = consumer("b")
    # As if Redis had told an hour less when it was last asked.
    monkeypatch.setattr(worker, "_ahead_ms", (time.time() - time.monotonic() - 3600) * 1000)
    with pytest.raises(ClockJumped):
        await worker.reclaim(QUEUE, 1, ())
    assert len(await worker.reclaim(QUEUE, 1, ())) == 1


async def test_jobs_that_died_twice_together_get_their_last_chance_one_by_one(
    consumer: Consumers, send: Callable[..., Awaitable[str]]
) -> None:
    for _ in range(4):
        await send()
    await take(consumer("a"), 4)
    assert len(await reclaimed(consumer("b"))) == 4
    worker = consumer("c")
    (first,) = await reclaimed(worker)
    assert first.deaths == DEATHS - 1
    assert await worker.reclaim(QUEUE, 10, [first.id], suspect=False) == []
    (second,) = await worker.reclaim(QUEUE, 10, [first.id])
    assert second.id != first.id


async def test_delayed_jobs_become_due_once_however_many_workers_look(
    redis: Redis, consumer: Consumers, send: Callable[..., Awaitable[str]]
) -> None:
    sent = {await send(delay=0.05) for _ in range(20)}
    await send(delay=60)
    workers = [consumer(str(n)) for n in range(5)]
    async with asyncio.timeout(3):
        while (await counts(redis))[0] < 20:
            await asyncio.gather(*(worker.promote() for worker in workers))
    entries = await take(workers[0], 20)
    assert {hold(entry).task_id for entry in entries} == sent
    (tick, *_) = await workers[0].promote()
    assert tick.next_due_s == pytest.approx(60, abs=3)


async def test_a_job_that_is_put_off_keeps_its_key_and_comes_with_its_new_message(
    redis: Redis, consumer: Consumers, send: Callable[..., Awaitable[str]]
) -> None:
    worker = consumer("a")
    task_id = await send("k")
    (entry,) = await take(worker)
    message = json.loads(entry.fields[b"data"]) | {"args": ["new"]}
    assert await worker.retry(hold(entry), json.dumps(message).encode(), 0)
    assert await enqueue(redis, Job("t", (), QUEUE, "k")) is None
    await worker.promote()
    (again,) = await take(worker)
    assert json.loads(again.fields[b"data"])["args"] == ["new"]
    assert hold(again).task_id == task_id


@pytest.mark.parametrize("delay", [0, 60])
async def test_a_job_that_has_not_begun_is_cancelled_by_removing_it(
    redis: Redis, consumer: Consumers, send: Callable[..., Awaitable[str]], delay: float
) -> None:
    task_id = await send("k", delay=delay)
    other = await send("other", delay=delay)
    assert await cancel(redis, QUEUE, task_id) == "removed"
    assert await cancel(redis, QUEUE, task_id) == "gone"
    assert await enqueue(redis, Job("t", (), QUEUE, "k")) is not None
    assert await enqueue(redis, Job("t", (), QUEUE, "other")) is None
    assert other is not None


async def test_a_running_job_is_cancelled_by_asking_its_worker(
    redis: Redis, consumer: Consumers, send: Callable[..., Awaitable[str]]
) -> None:
    worker = consumer("a")
    task_id = await send()
    (entry,) = await take(worker)
    assert await cancel(redis, QUEUE, task_id) == "requested"
    (tick, *_) = await worker.promote()
    assert tick.to_cancel == {task_id}
    assert await worker.finish(hold(entry), "cancelled", "{}")
    (tick, *_) = await worker.promote()
    assert tick.to_cancel == frozenset()


async def test_a_job_whose_worker_died_is_cancelled_by_removing_it(
    redis: Redis, consumer: Consumers, send: Callable[..., Awaitable[str]]
) -> None:
    worker = consumer("a")
    task_id = await send()
    await take(worker)
    async with asyncio.timeout(3):
        while await cancel(redis, QUEUE, task_id) != "removed":
            await asyncio.sleep(0.02)
    assert await worker.reclaim(QUEUE, 1, ()) == []
    assert await counts(redis) == (0, 0, 0)


async def test_a_worker_that_leaves_is_forgotten_unless_it_still_holds_a_job(
    redis: Redis, consumer: Consumers, send: Callable[..., Awaitable[str]]
) -> None:
    async def names() -> set[bytes]:
        return {one["name"] for one in await redis.xinfo_consumers(keys.stream(QUEUE), keys.GROUP)}

    idle, busy = consumer("idle"), consumer("busy")
    await send()
    (entry,) = await take(busy)
    await idle.fetch({QUEUE: 1})
    await idle.leave()
    await busy.leave()
    assert await names() == {b"busy"}
    assert await busy.finish(hold(entry), "done", "{}")
    await busy.leave()
    assert await names() == set()


async def test_entries_that_somebody_deleted_from_the_stream_trouble_nobody(
    redis: Redis, consumer: Consumers, send: Callable[..., Awaitable[str]]
) -> None:
    await send()
    (entry,) = await take(consumer("a"))
    await redis.xdel(keys.stream(QUEUE), entry.id)
    assert await counts(redis) == (0, 1, 0)
    await outlasted(consumer("b").lease)
    assert await consumer("b").reclaim(QUEUE, 1, ()) == []
    assert await counts(redis) == (0, 0, 0)

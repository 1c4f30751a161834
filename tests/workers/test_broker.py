"""Jobs through the real broker: each runs, ends, and leaves nothing behind."""

import asyncio
import io
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import structlog
from redis.asyncio import Redis
from taskiq.exceptions import SendTaskError

from core.models import FailedJob
from core.queues import Job, QueueDepth, enqueue, keys, pause, resume, worker_beats
from core.queues.cancelling import cancel
from core.queues.delivery import Consumer, Hold
from core.queues.listing import finished
from workers.endings import SAID_KEPT
from workers.receiver import Receiver

Depth = Callable[[str], Awaitable[QueueDepth]]
Failed = Callable[[], Awaitable[list[FailedJob]]]


def job(*args: Any, task: str = "note", queue: str = "embed", key: str | None = None) -> Job:
    return Job(task, args, queue, key)


def noting(one: Any, ran: list[Any], queue: str = "embed") -> None:
    @one.task(task_name="note", queue_name=queue)  # type: ignore[untyped-decorator]
    async def note(text: str) -> None:
        ran.append(text)


async def test_what_was_sent_before_there_was_a_worker_runs(
    worker: Any, redis: Redis, until: Any, depth: Depth
) -> None:
    ran: list[str] = []
    for n in range(50):
        await enqueue(redis, job(str(n)))
    one = worker()
    noting(one, ran)
    await one.start()
    await until(lambda: len(ran) == 50)
    assert sorted(map(int, ran)) == list(range(50))

    async def is_empty() -> bool:
        found = await depth("embed")
        return (found.waiting, found.running, found.done) == (0, 0, 50)

    await until(is_empty)
    assert await redis.xlen(keys.stream("embed")) == 0
    assert await redis.hlen("signalist:{embed}:places") == 0


@pytest.mark.parametrize("is_lost", [False, True])
async def test_a_worker_that_starts_while_redis_is_full_empties_it(
    worker: Any, redis: Redis, until: Any, fill_redis: Callable[[], None], is_lost: bool
) -> None:
    ran: list[str] = []
    one = worker()
    noting(one, ran)
    await one.broker.startup()
    await enqueue(redis, job("kept"))
    fill_redis()
    if is_lost:
        await redis.xgroup_destroy(keys.stream("embed"), keys.GROUP)
    await one.start()
    await until(lambda: ran == ["kept"])


@pytest.mark.usefixtures("json_log")
async def test_what_ended_is_listed_with_how_long_it_waited_and_ran_and_the_end_of_what_it_said(
    worker: Any, redis: Redis, until: Any
) -> None:
    one = worker()

    @one.task(task_name="slow")
    async def slow(name: str) -> None:
        structlog.get_logger("core").info("a step", note="😀" * SAID_KEPT)
        structlog.get_logger("core").info("the last", of=name, url="postgresql://ada:hunter2hunter2@db/x")
        await asyncio.sleep(0.3)

    await enqueue(redis, job("x", task="slow", key="slow:x"))
    await asyncio.sleep(0.2)
    await one.start()
    (ended,) = await until(lambda: finished(redis, "embed"))
    assert (ended.task, ended.key, ended.args, ended.outcome, ended.attempt) == ("slow", "slow:x", ("x",), "done", 1)
    assert ended.waited_s >= 0.2
    assert ended.ran_s >= 0.29
    assert SAID_KEPT / 2 < len(json.dumps(ended.said)) <= SAID_KEPT
    assert "[info] the last" in ended.said.splitlines()[-1]
    assert "hunter2" not in ended.said


async def test_a_task_sent_through_taskiq_runs_and_its_key_counts(worker: Any, redis: Redis, until: Any) -> None:
    ran: list[int] = []
    one = worker()

    @one.task(task_name="double", queue_name="crawl")
    async def double(n: int, *, by: int = 2) -> None:
        ran.append(n * by)

    await double.kiq(4)
    await double.kicker().with_labels(job_key="double:5").kiq(5, by=3)
    await double.kicker().with_labels(job_key="double:5").kiq(5, by=3)
    await double.kicker().with_labels(delay=0.2).kiq(7)
    await one.start()
    await until(lambda: len(ran) == 3)
    assert ran == [8, 15, 14]


async def test_a_queue_that_no_worker_reads_cannot_be_sent_to(worker: Any) -> None:
    one = worker()

    @one.task(task_name="t", queue_name="nowhere")
    async def t() -> None: ...

    with pytest.raises(SendTaskError) as error:
        await t.kiq()
    assert "no queue 'nowhere'" in str(error.value.__cause__)


async def test_never_more_jobs_at_once_than_slots_and_none_is_taken_to_wait_in_a_worker(
    worker: Any, redis: Redis, until: Any, depth: Depth
) -> None:
    running, most, ended = 0, 0, 0
    go = asyncio.Event()
    one = worker(slots=3)

    @one.task(task_name="note")
    async def note(text: str) -> None:
        nonlocal running, most, ended
        running += 1
        most = max(most, running)
        await go.wait()
        running -= 1
        ended += 1

    await one.start()
    for n in range(20):
        await enqueue(redis, job(str(n), queue=("crawl", "embed")[n % 2]))
    await until(lambda: running == 3)
    crawl, embed = await depth("crawl"), await depth("embed")
    assert (crawl.running + embed.running, crawl.waiting + embed.waiting) == (3, 17)
    go.set()
    await until(lambda: ended == 20)
    assert most == 3


async def test_slow_jobs_of_one_queue_leave_room_for_another(worker: Any, redis: Redis, until: Any) -> None:
    ran: list[str] = []
    crawling = 0
    one = worker(slots=3, limits={"crawl": 2})
    noting(one, ran)

    @one.task(task_name="crawl")
    async def crawl() -> None:
        nonlocal crawling
        crawling += 1
        await asyncio.sleep(60)

    await one.start()
    for _ in range(10):
        await enqueue(redis, job(task="crawl", queue="crawl"))
    await until(lambda: crawling == 2)
    for n in range(5):
        await enqueue(redis, job(str(n)))
    await until(lambda: len(ran) == 5, 3)
    assert crawling == 2


async def test_a_job_longer_than_the_lease_runs_once(worker: Any, redis: Redis, until: Any, depth: Depth) -> None:
    starts: list[float] = []
    ends: list[float] = []
    workers = [worker(), worker()]
    for one in workers:

        @one.task(task_name="slow")
        async def slow() -> None:
            starts.append(time.monotonic())
            await asyncio.sleep(3.5)
            ends.append(time.monotonic())

        await one.start()
    await enqueue(redis, job(task="slow"))
    await until(lambda: ends)
    assert len(starts) == 1


async def test_a_job_that_blocks_the_event_loop_past_the_lease_runs_once(worker: Any, redis: Redis, until: Any) -> None:
    starts: list[float] = []
    ended: list[bool] = []
    one, other = worker(), worker()
    for each in (one, other):

        @each.task(task_name="block")
        async def block() -> None:
            starts.append(time.monotonic())
            time.sleep(2.5)  # noqa: ASYNC251 - the mistake that this is about
            ended.append(True)

        await each.start()
    await enqueue(redis, job(task="block"))
    await until(lambda: ended)
    assert len(starts) == 1


async def test_pause_stops_new_jobs_and_lets_the_running_one_finish(
    worker: Any, redis: Redis, until: Any, depth: Depth
) -> None:
    ran: list[str] = []
    go = asyncio.Event()
    one = worker(slots=1)

    @one.task(task_name="note")
    async def note(text: str) -> None:
        await go.wait()
        ran.append(text)

    await one.start()
    await enqueue(redis, job("running"))
    await until(lambda: one.broker.in_flight.everything)
    await pause(redis, "embed")
    await enqueue(redis, job("waiting"))
    go.set()
    await until(lambda: ran == ["running"])
    # Other queues go on; and a job of the paused one does not slip through meanwhile.
    await enqueue(redis, job("other", queue="crawl"))
    await until(lambda: ran == ["running", "other"])
    assert (await depth("embed")).waiting == 1
    await resume(redis, "embed")
    await until(lambda: ran == ["running", "other", "waiting"], 3)


async def test_a_running_job_is_cancelled_within_a_second_and_is_no_failure(
    worker: Any, redis: Redis, until: Any, failed: Failed, depth: Depth
) -> None:
    stopped: list[bool] = []
    one = worker()

    @one.task(task_name="long")
    async def long() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            stopped.append(True)
            raise

    await one.start()
    task_id = await enqueue(redis, job(task="long", key="long:1"))
    assert task_id
    await until(lambda: [d for d in one.broker.in_flight.everything if d.started_at])
    assert await cancel(redis, "embed", task_id) == "requested"
    await until(lambda: stopped, 1.5)

    async def is_gone() -> bool:
        found = await depth("embed")
        return found.running == 0 and found.delayed == 0

    await until(is_gone)
    assert await failed() == []
    assert await enqueue(redis, job(task="long", key="long:1")) is not None


async def test_a_stopping_worker_gives_back_what_it_cannot_finish_and_another_has_it_at_once(
    worker: Any, redis: Redis, until: Any, depth: Depth
) -> None:
    begun: list[str] = []
    first, second = worker(slots=2), worker(slots=2)
    for one, seconds in ((first, 60), (second, 0)):

        @one.task(task_name="t")
        async def t(seconds: int = seconds) -> None:
            begun.append("again" if seconds == 0 else "first")
            await asyncio.sleep(seconds)

    await first.start()
    for _ in range(6):
        await enqueue(redis, job(task="t"))
    await until(lambda: len(begun) == 2)
    await first.stop()
    assert (await depth("embed")).waiting == 6
    started = time.monotonic()
    await second.start()
    await until(lambda: begun.count("again") == 6)
    # Neither had to wait for a lease.
    assert time.monotonic() - started < 1.0


async def test_the_log_warns_of_jobs_whose_worker_died_and_not_of_those_that_were_given_back(
    worker: Any, redis: Redis, until: Any, json_log: io.StringIO
) -> None:
    ran: list[str] = []
    one, before = worker(), Consumer(redis, "before", 0.05)
    noting(one, ran)
    await before.ensure_groups()
    for name in ("given back", "left behind"):
        await enqueue(redis, job(name))
    entry, _ = await before.fetch({"embed": 2})
    await before.release(Hold("embed", entry.id, "t", "", entry.taken_ms))
    await one.start()
    await until(lambda: len(ran) == 2)
    lines = [line for line in map(json.loads, json_log.getvalue().splitlines()) if "took over" in line["event"]]
    assert sorted((line["level"], line["deaths"]) for line in lines) == [("info", 0), ("warning", 1)]


async def test_a_worker_tells_who_it_is_and_what_it_does(worker: Any, redis: Redis, until: Any) -> None:
    one = worker(slots=5)

    @one.task(task_name="long")
    async def long(name: str) -> None:
        await asyncio.sleep(60)

    await one.start()
    await enqueue(redis, job("x" * 10_000, task="long", key="long:1"))

    async def is_busy() -> Any:
        return [beat for beat in await worker_beats(redis) if beat.busy]

    (beat,) = await until(is_busy)
    assert (beat.slots, beat.busy, beat.jobs[0].task, beat.jobs[0].key) == (5, 1, "long", "long:1")
    assert beat.memory_mb > 10
    assert len(json.dumps(beat.jobs[0].args)) < 500
    await one.stop()
    assert await worker_beats(redis) == ()


async def test_redis_that_was_emptied_is_set_up_again_and_work_goes_on(worker: Any, redis: Redis, until: Any) -> None:
    ran: list[str] = []
    one = worker()
    noting(one, ran)
    await one.start()
    await enqueue(redis, job("before"))
    await until(lambda: ran == ["before"])
    await redis.flushall()
    await enqueue(redis, job("after"))
    await until(lambda: ran == ["before", "after"])
    await redis.xgroup_destroy(keys.stream("embed"), keys.GROUP)
    await enqueue(redis, job("later"))
    await until(lambda: ran == ["before", "after", "later"])


async def test_a_listener_that_dies_lets_running_jobs_end(worker: Any, redis: Redis, until: Any) -> None:
    one, ran, begun = worker(), [], asyncio.Event()

    @one.task(task_name="note")
    async def note(text: str) -> None:
        begun.set()
        await asyncio.sleep(0.1)
        ran.append(text)

    listen = one.broker.listen

    async def listen_and_die() -> AsyncIterator[Any]:
        async for message in listen():
            yield message
            await asyncio.wait_for(begun.wait(), 5)
            raise RuntimeError("a mistake of ours")

    one.broker.listen, one.broker.is_worker_process = listen_and_die, True
    receiver = Receiver(one.broker, max_async_tasks=4, wait_tasks_timeout=8, validate_params=True)
    await enqueue(redis, job("x"))
    with pytest.raises(RuntimeError, match="a mistake of ours"):
        await receiver.listen(asyncio.Event())
    assert ran == ["x"]
    await one.broker.shutdown()


@pytest.mark.parametrize("how", ["ended", "stands still"])
async def test_reading_that_has_stopped_begins_anew(
    worker: Any, redis: Redis, until: Any, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    one, ran = worker(), []
    noting(one, ran)
    await one.start()
    reader = one.broker._reader
    (stopped, _) = await until(lambda: reader._loops)
    if how == "ended":
        stopped.task.cancel()
    else:
        consumer = one.broker._consumer
        wait = consumer.wait

        async def never(*_: Any) -> None:
            consumer.wait = wait
            await asyncio.Event().wait()

        monkeypatch.setattr("workers.reader.STILL_S", 0.5)
        consumer.wait = never
    await until(lambda: reader._loops[0] is not stopped, 20)
    await enqueue(redis, job("x"))
    await until(lambda: ran == ["x"])

"""Signs of life."""

import datetime as dt

from redis.asyncio import Redis

from core.queues import SchedulerBeat, WorkerBeat, keys, scheduler_beat, worker_beats
from core.queues.beats import LIFETIME_S, Wishes, beat_worker, drain_worker, lead, recycle_worker


async def test_how_long_the_scheduler_was_silent_is_told_by_the_clock_that_decides_when_it_is_gone(
    redis: Redis,
) -> None:
    assert await scheduler_beat(redis) is None
    await lead(redis, SchedulerBeat("s1", 2), lease=5)
    beat = await scheduler_beat(redis)
    assert beat == SchedulerBeat("s1", 2, beat.seen_s_ago)
    assert 0 <= beat.seen_s_ago < 5
    await redis.pexpire(keys.SCHEDULER, int((LIFETIME_S - 9) * 1000))
    later = await scheduler_beat(redis)
    assert 9 <= later.seen_s_ago < 14


async def test_a_worker_whose_clock_is_wrong_was_seen_when_it_was(redis: Redis) -> None:
    assert await worker_beats(redis) == ()
    now = dt.datetime.now(dt.UTC)
    behind = now - dt.timedelta(minutes=10)
    await beat_worker(redis, WorkerBeat("w1", "box", 1, behind, behind, 120.0, 10, 0, ()))
    (beat,) = await worker_beats(redis)
    assert (beat.name, beat.started_at) == ("w1", behind)
    assert abs((beat.seen_at - now).total_seconds()) < 5


async def test_what_people_want_of_a_worker_is_heard_with_its_beat_and_forgotten_with_its_name(redis: Redis) -> None:
    now = dt.datetime.now(dt.UTC)
    # A worker whose clock is an hour ahead makes nobody else forgotten.
    ahead = WorkerBeat("w2", "box", 2, now, now + dt.timedelta(hours=1), 120.0, 10, 0, ())
    assert await beat_worker(redis, beat := WorkerBeat("w1", "box", 1, now, now, 120.0, 10, 0, ())) == Wishes(
        recycle=False, drain=False
    )
    await beat_worker(redis, ahead)
    for ask in (drain_worker, recycle_worker):
        await ask(redis, "w1")
        await ask(redis, "long gone")
    assert await beat_worker(redis, beat) == Wishes(recycle=True, drain=True)
    assert await beat_worker(redis, beat) == Wishes(recycle=False, drain=True)
    await redis.zadd(keys.WORKERS, {"long gone": 1})
    await beat_worker(redis, ahead)
    assert await redis.smembers(keys.WORKERS_DRAINED) == {b"w1"}
    assert await redis.smembers(keys.WORKERS_TO_RECYCLE) == set()

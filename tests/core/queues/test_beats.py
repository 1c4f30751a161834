"""Signs of life."""

import datetime as dt

from redis.asyncio import Redis

from core.queues import SchedulerBeat, WorkerBeat, keys, scheduler_beat, worker_beats
from core.queues.beats import LIFETIME_S, beat_worker, lead


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

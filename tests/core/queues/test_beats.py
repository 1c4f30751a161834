"""Signs of life."""

from redis.asyncio import Redis

from core.queues import SchedulerBeat, keys, scheduler_beat
from core.queues.beats import LIFETIME_S, lead


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

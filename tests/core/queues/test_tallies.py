"""What is counted for ever."""

from collections.abc import Callable

from redis.asyncio import Redis

from core.queues import tallies


async def test_a_full_redis_counts_nothing_and_fails_no_job_for_it(
    redis: Redis, fill_redis: Callable[[], None]
) -> None:
    await tallies.count(redis, "crawls", "new")
    fill_redis()
    await tallies.count(redis, "crawls", "new")
    assert (await tallies.read(redis)).crawls == {"new": 1}

"""What is counted for ever beside the depths: how long jobs waited and ran, what crawls brought, what models cost.

Redis keeps it, so that it goes on where a worker ends; a Redis that loses its data begins anew, as counters may.
"""

from bisect import bisect_left
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Literal

from redis.asyncio import Redis

from core.errors import Unavailable
from core.queues import keys
from core.queues.client import redis_errors

# In seconds: from a job that finds its page unchanged to the longest that is no operation.
BOUNDS_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0)
BUCKETS = (*(f"{bound:g}" for bound in BOUNDS_S), "+Inf")

Tally = Literal["crawls", "tokens"]


@dataclass(frozen=True)
class Histogram:
    """`cumulative` has a number for each of BUCKETS: how many took no longer. `total_s` is their sum."""

    cumulative: tuple[int, ...]
    total_s: float


@dataclass(frozen=True)
class Tallies:
    """`waited` and `ran` by queue; `crawls` by what they brought, `tokens` by embedding model."""

    waited: Mapping[str, Histogram]
    ran: Mapping[str, Histogram]
    crawls: Mapping[str, int]
    tokens: Mapping[str, int]


def bucket(seconds: float) -> str:
    """The smallest of BUCKETS that it fits into."""
    return BUCKETS[bisect_left(BOUNDS_S, seconds)]


async def count(redis: Redis, tally: Tally, name: str, number: int = 1) -> None:
    """Adds to a total. While Redis is away or full nothing is counted: that is no reason to do a job again."""
    with suppress(Unavailable), redis_errors():
        await redis.hincrby(keys.TALLIES, f"{tally}:{name}", number)


async def read(redis: Redis) -> Tallies:
    """Everything, at one moment each. Raises RedisUnavailable."""
    with redis_errors():
        times = {queue: _numbers(await redis.hgetall(keys.times(queue))) for queue in keys.QUEUES}
        totals = _numbers(await redis.hgetall(keys.TALLIES))
    return Tallies(
        waited={queue: _histogram(found, "waited") for queue, found in times.items()},
        ran={queue: _histogram(found, "ran") for queue, found in times.items()},
        crawls=_named(totals, "crawls:"),
        tokens=_named(totals, "tokens:"),
    )


def _numbers(found: Mapping[Any, Any]) -> dict[str, int]:
    return {name.decode(): int(number) for name, number in found.items()}


def _named(totals: Mapping[str, int], prefix: str) -> dict[str, int]:
    return {name.removeprefix(prefix): number for name, number in totals.items() if name.startswith(prefix)}


def _histogram(found: Mapping[str, int], what: str) -> Histogram:
    numbers = [found.get(f"{what}:{name}", 0) for name in BUCKETS]
    return Histogram(tuple(accumulate(numbers)), found.get(f"{what}:ms", 0) / 1000)

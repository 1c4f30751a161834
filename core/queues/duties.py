"""The scheduler's periodic duties: what there is, when each was done last, and what people want of them.

All of it is in Redis: should it be lost, every duty is on again, which is the safe side.
"""

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from core.errors import BadRequest
from core.queues import keys
from core.queues.client import redis_errors


@dataclass(frozen=True)
class Duty:
    """`can_stop`: people may switch it off; without the others, accepted work would be lost sight of."""

    name: str
    title: str
    every_s: float
    can_stop: bool = False


DUTIES = (
    Duty("promised", "Send the jobs that were promised while Redis was away", 1.0),
    Duty("feeds", "Crawl the feeds that are due", 2.0, can_stop=True),
    Duty("actions", "Go on with what is done to many failed jobs", 2.0),
    Duty("operations", "Go on with operations that nobody has in hand", 2.0),
    Duty("missing", "Find articles that lack embeddings or a summary", 10.0, can_stop=True),
    Duty("propose", "Propose what the infrastructure needs", 60.0, can_stop=True),
    Duty("lost", "Find retried jobs of which nothing is known", 300.0),
    Duty("measure", "Measure the vector index", 300.0, can_stop=True),
    Duty("sample", "Take a sample for the charts", 15.0, can_stop=True),
    Duty("forget", "Forget old samples, sessions and settled jobs", 600.0, can_stop=True),
)


@dataclass(frozen=True)
class DutyRun:
    """`problem` is why it was not done, if it was not."""

    at: dt.datetime
    took_s: float
    problem: str | None = None


@dataclass(frozen=True)
class DutyState:
    """`last` is None when no scheduler has told of it."""

    duty: Duty
    is_on: bool
    last: DutyRun | None

    @property
    def next_at(self) -> dt.datetime | None:
        return self.last.at + dt.timedelta(seconds=self.duty.every_s) if self.last and self.is_on else None


@dataclass(frozen=True)
class Wishes:
    """Names of the duties that are switched off, and of those that are to be done now."""

    off: frozenset[str]
    now: frozenset[str]


async def states(redis: Redis) -> tuple[DutyState, ...]:
    """Every duty. Raises RedisUnavailable."""
    with redis_errors():
        async with redis.pipeline(transaction=False) as pipe:
            pipe.hgetall(keys.DUTIES)
            pipe.smembers(keys.DUTIES_OFF)
            runs, off = await pipe.execute()
    return tuple(DutyState(duty, duty.name.encode() not in off, _run(runs.get(duty.name.encode()))) for duty in DUTIES)


async def tell(redis: Redis, runs: Mapping[str, DutyRun]) -> Wishes:
    """What the scheduler has done, by name; returns what people want of it since the last time."""
    told: dict[Any, Any] = {
        name: json.dumps({"at": run.at.timestamp(), "took_s": run.took_s, "problem": run.problem})
        for name, run in runs.items()
    }
    with redis_errors():
        async with redis.pipeline(transaction=True) as pipe:
            if told:
                pipe.hset(keys.DUTIES, mapping=told)
            pipe.smembers(keys.DUTIES_OFF)
            pipe.smembers(keys.DUTIES_NOW)
            pipe.delete(keys.DUTIES_NOW)
            *_, off, now, _ = await pipe.execute()
    return Wishes(frozenset(name.decode() for name in off), frozenset(name.decode() for name in now))


async def switch(redis: Redis, name: str, *, on: bool) -> None:
    """Raises BadRequest for a duty that there is not, or that may not be switched off, and RedisUnavailable."""
    duty = known(name)
    if not on and not duty.can_stop:
        raise BadRequest(f"“{duty.title}” cannot be switched off: accepted work would be lost sight of.")
    with redis_errors():
        await (redis.srem if on else redis.sadd)(keys.DUTIES_OFF, name)


async def ask(redis: Redis, name: str) -> None:
    """The scheduler does it within a second or two, also if it is off. Raises as `switch` does."""
    known(name)
    with redis_errors():
        await redis.sadd(keys.DUTIES_NOW, name)


def known(name: str) -> Duty:
    """Raises BadRequest."""
    for duty in DUTIES:
        if duty.name == name:
            return duty
    raise BadRequest(f"There is no duty {name!r}: there are {', '.join(duty.name for duty in DUTIES)}.")


def _run(text: bytes | None) -> DutyRun | None:
    try:
        fields: dict[str, Any] = json.loads(text or b"null")
        return DutyRun(dt.datetime.fromtimestamp(fields["at"], dt.UTC), float(fields["took_s"]), fields["problem"])
    except (KeyError, TypeError, ValueError):
        return None

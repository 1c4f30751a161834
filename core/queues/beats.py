"""Signs of life: what workers and the scheduler write about themselves, and that expires when they stop."""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from redis.asyncio import Redis

from core.queues import keys
from core.queues.client import redis_errors
from core.queues.scripts import BEAT, LEAD, RESIGN

# A worker beats every five seconds (less with a shorter lease): three missed beats are no accident.
LIFETIME_S = 15.0
_LIFETIME_MS = int(LIFETIME_S * 1000)


@dataclass(frozen=True)
class RunningJob:
    """A job in the hands of a worker; `attempt` counts from 1."""

    task_id: str
    task: str
    queue: str
    key: str | None
    args: tuple[Any, ...]
    started_at: dt.datetime
    attempt: int


@dataclass(frozen=True)
class WorkerBeat:
    """One worker process; `memory_mb` is its resident memory, `memory_limit_mb` what it is recycled at."""

    name: str
    host: str
    pid: int
    started_at: dt.datetime
    seen_at: dt.datetime
    memory_mb: float
    slots: int
    busy: int
    jobs: tuple[RunningJob, ...]
    memory_limit_mb: float | None = None
    # It ends: it takes nothing more.
    draining: bool = False
    # A person wants it to take nothing until it is resumed.
    drained: bool = False

    @property
    def state(self) -> Literal["busy", "idle", "draining", "drained"]:
        """What it does, in a word."""
        if self.draining or (self.drained and self.busy):
            return "draining"
        if self.drained:
            return "drained"
        return "busy" if self.busy else "idle"


@dataclass(frozen=True)
class Wishes:
    """What people want of a worker."""

    recycle: bool
    drain: bool


@dataclass(frozen=True)
class SchedulerBeat:
    """The scheduler that holds the lease; `seen_s_ago` by the clock of Redis, which decides when it is gone."""

    name: str
    pid: int
    seen_s_ago: float = 0.0


async def worker_beats(redis: Redis) -> tuple[WorkerBeat, ...]:
    """Every worker that is alive, by name; seen when it was by our clock, whatever its own says.

    Raises RedisUnavailable.
    """
    with redis_errors():
        names: list[Any] = await redis.zrange(keys.WORKERS, 0, -1)
        found = await _signs(redis, [keys.worker(name.decode()) for name in names])
    now = dt.datetime.now(dt.UTC)
    beats = (_worker(beat, now - ago) for beat, ago in found if beat is not None)
    return tuple(sorted((beat for beat in beats if beat is not None), key=lambda beat: beat.name))


async def beat_worker(redis: Redis, beat: WorkerBeat) -> Wishes:
    """Says that the worker is alive, also when Redis is full, and hears what people want of it."""
    names = (keys.WORKERS, keys.worker(beat.name), keys.WORKERS_TO_RECYCLE, keys.WORKERS_DRAINED)
    with redis_errors():
        recycle, drain = await BEAT.run(
            redis, names, beat.name, json.dumps(_plain(beat)), _LIFETIME_MS, int(60 * LIFETIME_S)
        )
    return Wishes(bool(recycle), bool(drain))


async def end_worker(redis: Redis, name: str) -> None:
    """The worker has stopped and is not to be listed any more."""
    with redis_errors():
        async with redis.pipeline(transaction=True) as pipe:
            pipe.zrem(keys.WORKERS, name)
            pipe.delete(keys.worker(name))
            pipe.srem(keys.WORKERS_TO_RECYCLE, name)
            pipe.srem(keys.WORKERS_DRAINED, name)
            await pipe.execute()


async def recycle_worker(redis: Redis, name: str) -> None:
    """Asks a worker to finish what it runs and to make place for a fresh process; it hears that with its next beat."""
    with redis_errors():
        await redis.sadd(keys.WORKERS_TO_RECYCLE, name)


async def drain_worker(redis: Redis, name: str) -> None:
    """Asks a worker to take nothing more until it is resumed; it hears that with its next beat."""
    with redis_errors():
        await redis.sadd(keys.WORKERS_DRAINED, name)


async def resume_worker(redis: Redis, name: str) -> None:
    """Takes that back."""
    with redis_errors():
        await redis.srem(keys.WORKERS_DRAINED, name)


async def scheduler_beat(redis: Redis) -> SchedulerBeat | None:
    """The scheduler, or None when none is alive. Raises RedisUnavailable."""
    with redis_errors():
        ((found, ago),) = await _signs(redis, [keys.SCHEDULER])
    match _read(found):
        case {"name": str(name), "pid": int(pid)}:
            return SchedulerBeat(name, pid, ago.total_seconds())
        case _:
            return None


class Lead(StrEnum):
    """Who leads: we as before, we from now on, or another."""

    KEPT = "kept"
    TAKEN = "taken"
    OTHER = "other"


async def lead(redis: Redis, beat: SchedulerBeat, lease: float) -> Lead:
    """Keeps the lead for `lease` seconds more, or takes it if nobody has it."""
    text = json.dumps({"name": beat.name, "pid": beat.pid})
    names = (keys.SCHEDULER_LEASE, keys.SCHEDULER)
    with redis_errors():
        answer: bytes = await LEAD.run(redis, names, beat.name, int(lease * 1000), text, _LIFETIME_MS)
    return Lead(answer.decode())


async def resign(redis: Redis, name: str) -> None:
    """Gives the lead up, so that another takes it at once."""
    with redis_errors():
        await RESIGN.run(redis, (keys.SCHEDULER_LEASE, keys.SCHEDULER), name)


def _plain(beat: WorkerBeat) -> dict[str, Any]:
    jobs = [{**vars(job), "started_at": job.started_at.timestamp()} for job in beat.jobs]
    times = {"started_at": beat.started_at.timestamp(), "seen_at": beat.seen_at.timestamp()}
    return {**vars(beat), **times, "jobs": jobs}


async def _signs(redis: Redis, names: Sequence[str]) -> list[tuple[bytes | None, dt.timedelta]]:
    """Signs of life as they are stored, None for one that has expired, and how long ago each was given."""
    async with redis.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.get(name)
            pipe.pttl(name)
        found: list[Any] = await pipe.execute()
    agos = (dt.timedelta(milliseconds=max(0, _LIFETIME_MS - max(0, left))) for left in found[1::2])
    return list(zip(found[::2], agos, strict=True))


def _worker(text: bytes, seen_at: dt.datetime) -> WorkerBeat | None:
    """None for what another version wrote: a worker that cannot be read must not hide those that can."""
    try:
        fields = _read(text)
        jobs = tuple(
            RunningJob(**{**job, "args": tuple(job["args"]), "started_at": _moment(job["started_at"])})
            for job in fields["jobs"]
        )
        times = {"started_at": _moment(fields["started_at"]), "seen_at": seen_at}
        return WorkerBeat(**{**fields, **times, "jobs": jobs})
    except (KeyError, TypeError, ValueError):
        return None


def _read(text: bytes | None) -> Mapping[str, Any]:
    try:
        found = json.loads(text or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _moment(seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)

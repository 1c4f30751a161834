"""The jobs themselves: a sample of what runs, waits and is delayed, and what ended last."""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from core.queues import keys
from core.queues.client import redis_errors
from core.queues.delivery import FINISHED_KEPT
from core.queues.scripts import SAMPLE
from core.redaction import redact, redacted

# A page of a screen, not the queue: reading a million waiting jobs would hold up Redis for everybody.
SAMPLED = 50


@dataclass(frozen=True)
class ListedJob:
    """`at` is since when it runs, since when it waits, or when it will be due. What cannot be read has no task."""

    task_id: str
    task: str
    queue: str
    key: str | None
    args: tuple[Any, ...]
    at: dt.datetime
    worker: str | None = None
    deliveries: int = 0


@dataclass(frozen=True)
class JobSample:
    """Up to SAMPLED jobs of each kind, those whose time came first, first."""

    running: tuple[ListedJob, ...]
    waiting: tuple[ListedJob, ...]
    delayed: tuple[ListedJob, ...]


@dataclass(frozen=True)
class FinishedJob:
    """A job that ended. `outcome` is done, failed or cancelled; `waited_s` counts from when it was due.

    `said` is the end of what its last attempt logged.
    """

    task_id: str
    task: str
    queue: str
    key: str | None
    args: tuple[Any, ...]
    outcome: str
    waited_s: float
    ran_s: float
    ended_at: dt.datetime
    worker: str
    attempt: int
    said: str = ""


@dataclass(frozen=True)
class Percentiles:
    """In seconds, over the jobs that ended last; `count` of them."""

    count: int
    p50: float
    p95: float
    p99: float


@dataclass(frozen=True)
class JobTimes:
    """How long the jobs of a queue waited and ran. None: none has ended, so nothing is known."""

    queue: str
    waited: Percentiles | None
    ran: Percentiles | None


async def sample(redis: Redis, queue: str, limit: int = SAMPLED) -> JobSample:
    """Some jobs of `queue`, at one moment. Raises BadRequest if there is no such queue, and RedisUnavailable."""
    keys.check(queue)
    with redis_errors():
        running, waiting, delayed = await SAMPLE.run_on_queue(redis, queue, limit)
    return JobSample(
        running=tuple(
            _listed(queue, _data(fields), int(since), worker.decode(), deliveries)
            for fields, worker, since, deliveries in running
        ),
        waiting=tuple(_listed(queue, _data(fields), int(entry_id.partition(b"-")[0])) for entry_id, fields in waiting),
        delayed=tuple(_listed(queue, message, int(float(due))) for message, due in delayed),
    )


async def finished(redis: Redis, queue: str, limit: int = 100) -> tuple[FinishedJob, ...]:
    """The jobs of `queue` that ended last, newest first; some hundreds are kept. Raises as `sample` does."""
    keys.check(queue)
    with redis_errors():
        found: list[Any] = await redis.lrange(keys.finished(queue), 0, limit - 1)
    ended = (_finished(queue, _object(line)) for line in found)
    return tuple(job for job in ended if job is not None)


async def times(redis: Redis, queue: str) -> JobTimes:
    """Over all the ended jobs of `queue` that are kept. Raises as `sample` does."""
    jobs = await finished(redis, queue, FINISHED_KEPT)
    return JobTimes(queue, percentiles([job.waited_s for job in jobs]), percentiles([job.ran_s for job in jobs]))


def percentiles(seconds: Sequence[float]) -> Percentiles | None:
    """By nearest rank: every number is one that was measured. None of nothing."""
    if not seconds:
        return None
    ordered = sorted(seconds)

    def rank(part: float) -> float:
        return ordered[min(int(part * len(ordered)), len(ordered) - 1)]

    return Percentiles(len(ordered), rank(0.5), rank(0.95), rank(0.99))


def _listed(queue: str, message: bytes, at_ms: int, worker: str | None = None, deliveries: int = 0) -> ListedJob:
    fields = _object(message)
    labels, args = fields.get("labels"), fields.get("args")
    key = labels.get("job_key") if isinstance(labels, dict) else None
    return ListedJob(
        task_id=str(fields.get("task_id", "")),
        task=str(fields.get("task_name", "")),
        queue=queue,
        key=redact(key) if isinstance(key, str) else None,
        args=tuple(redacted(args)) if isinstance(args, list) else (),
        at=dt.datetime.fromtimestamp(at_ms / 1000, dt.UTC),
        worker=worker,
        deliveries=deliveries,
    )


def _finished(queue: str, fields: Mapping[str, Any]) -> FinishedJob | None:
    """None for what another version wrote."""
    try:
        ended_at = dt.datetime.fromtimestamp(fields["ended_at"], dt.UTC)
        return FinishedJob(**{**fields, "queue": queue, "args": tuple(fields["args"]), "ended_at": ended_at})
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def _data(fields: Sequence[bytes]) -> bytes:
    return dict(zip(fields[::2], fields[1::2], strict=True)).get(b"data", b"")


def _object(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}

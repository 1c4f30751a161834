"""The consumer's side: taking jobs, holding on to them, and ending each in exactly one way.

Every call may raise RedisUnavailable; none of them then leaves a job half moved. docs/delivery.md has the states.
"""

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from redis import exceptions as exc
from redis.asyncio import Redis

from core.queues import keys
from core.queues.client import redis_errors
from core.queues.scripts import (
    ADMIT,
    FETCH,
    FINISH,
    GROUPS,
    PROMOTE,
    RECLAIM,
    RELEASE,
    RENEW,
    RETRY,
    SWEEP,
    Argument,
)
from core.queues.tallies import bucket
from core.queues.together import Together

Outcome = Literal["done", "failed", "cancelled"]

# A job that was in the hands of this many workers when they died is not given to another.
DEATHS = 3
# Records of ended jobs that are kept a queue: enough for percentiles, and no more than half a megabyte.
FINISHED_KEPT = 500
# Promoted in one go, so that a flood of due jobs does not hold up everybody else in Redis.
_PROMOTED_AT_ONCE = 200
_TAKEN_AT_ONCE = 500
# A consumer that has not asked for anything in an hour is a process that died.
_GONE_MS = 3_600_000


@dataclass(frozen=True)
class Entry:
    """A job that was handed to us.

    `deliveries` counts the times that it was handed to a worker, this one included; `deaths` the workers that were not
    heard of again. With DEATHS of those it must not be run, only recorded.
    """

    queue: str
    id: str
    fields: Mapping[bytes, bytes]
    deliveries: int
    # When it was handed out, by the clock of Redis.
    taken_ms: int
    deaths: int = 0

    @property
    def added_at(self) -> float:
        """When it became due, in seconds since 1970, by the clock of Redis."""
        return int(self.id.partition("-")[0]) / 1000


@dataclass(frozen=True)
class Hold:
    """An entry that a worker has, and what it must name to keep it or to end it. `key` is "" for a job without."""

    queue: str
    entry_id: str
    task_id: str
    key: str
    taken_ms: int


@dataclass(frozen=True)
class Took:
    """How long a job waited since it was due, and ran, in seconds."""

    waited_s: float
    ran_s: float


@dataclass(frozen=True)
class Tick:
    """What moving the due jobs of one queue found. `next_due_s` is None when nothing is delayed; `held_back`: whether
    no job may start now."""

    queue: str
    next_due_s: float | None
    held_back: bool
    to_cancel: frozenset[str]


class Consumer:
    """One worker process as Redis knows it. Methods may be called from any event loop that owns `redis`."""

    def __init__(self, redis: Redis, name: str, lease: float, queues: Sequence[str] = keys.QUEUES) -> None:
        """`lease`, in seconds: for how long what it holds is its own without a renewal."""
        self._redis = redis
        self.name = name
        self.lease = lease
        self.queues = tuple(queues)
        self._finish = Together(self._finish_all)
        # By how much the clock of Redis is ahead of our monotonic one.
        self._ahead_ms: float | None = None

    async def ensure_groups(self) -> None:
        """Makes each stream and its group, if they are not there; also in a full Redis, that it can be emptied.

        In a Redis that was empty, nothing is handed out for half a lease: a worker may be running what is sent again.
        """
        with redis_errors():
            await GROUPS.run_on_queues(self._redis, [(queue, (_ms(self.lease),)) for queue in self.queues])

    async def server_age(self) -> float:
        """For how many seconds Redis has been up; in a cluster, its youngest node."""
        with redis_errors():
            facts: dict[str, Any] = await self._redis.info("server")
        nodes = [facts] if "uptime_in_seconds" in facts else list(facts.values())
        return min(float(node["uptime_in_seconds"]) for node in nodes)

    async def fetch(self, counts: Mapping[str, int]) -> list[Entry]:
        """Takes up to `counts[queue]` waiting jobs of each queue that is not paused, without waiting for any."""
        calls = [(queue, (self.name, min(count, _TAKEN_AT_ONCE), _ms(self.lease))) for queue, count in counts.items()]
        with redis_errors(), _group_errors():
            answers = await FETCH.run_on_queues(self._redis, calls)
        return [
            Entry(queue, entry_id.decode(), _pairs(fields), 1, taken_ms)
            for queue, (taken_ms, rows) in zip(counts, answers, strict=True)
            for entry_id, fields in rows
        ]

    async def wait(self, queues: Sequence[str], block: float) -> list[Entry]:
        """Waits up to `block` seconds for the first job of any of `queues`, and takes it (one a queue at most)."""
        streams: dict[Any, Any] = {keys.stream(queue): ">" for queue in queues}
        by_stream = {keys.stream(queue).encode(): queue for queue in queues}
        entries: list[Entry] = []
        with redis_errors(), _group_errors():
            found: Any = await self._redis.xreadgroup(keys.GROUP, self.name, streams, count=1, block=_ms(block))
            for stream, rows in found or []:
                queue = by_stream[stream]
                ids = [entry_id for entry_id, _ in rows]
                taken_ms, taken = await ADMIT.run_on_queue(self._redis, queue, self.name, _ms(self.lease), *ids)
                entries += [Entry(queue, i.decode(), fields, 1, taken_ms) for i, fields in rows if i in taken]
        return entries

    async def reclaim(self, queue: str, room: int, in_hand: Collection[str], *, suspect: bool = True) -> list[Entry]:
        """Takes over what nobody has held on to for a lease, up to `room` jobs that are not `in_hand` already.

        `suspect`: whether one may be among them that would have killed DEATHS if this worker died. Raises ClockJumped.
        """
        expected = "" if self._ahead_ms is None else int(time.monotonic() * 1000 + self._ahead_ms)
        arguments = (self.name, _ms(self.lease), expected, room, DEATHS, int(suspect), *in_hand)
        with redis_errors(), _group_errors():
            taken_ms, rows = await RECLAIM.run_on_queue(self._redis, queue, *arguments)
        self._ahead_ms = taken_ms - time.monotonic() * 1000
        if expected and taken_ms - expected > _ms(self.lease) / 2:
            raise ClockJumped
        return [
            Entry(queue, entry_id.decode(), _pairs(fields), deliveries, taken_ms, deaths)
            for entry_id, fields, deliveries, deaths in rows
        ]

    async def renew(self, holds: Iterable[Hold]) -> set[Hold]:
        """Holds on to entries for another lease; returns those that are not ours any more."""
        by_queue: dict[str, list[Hold]] = {}
        for hold in holds:
            by_queue.setdefault(hold.queue, []).append(hold)
        calls: list[tuple[str, Sequence[Argument]]] = []
        for queue, held in by_queue.items():
            names = [part for h in held for part in (h.entry_id, h.task_id, h.key, h.taken_ms)]
            calls.append((queue, [self.name, _ms(self.lease), *names]))
        with redis_errors():
            answers = await RENEW.run_on_queues(self._redis, calls)
        return {
            hold
            for held, kept in zip(by_queue.values(), answers, strict=True)
            for hold, is_kept in zip(held, kept, strict=True)
            if not is_kept
        }

    async def finish(self, hold: Hold, outcome: Outcome, record: str, took: Took | None = None) -> bool:
        """Ends the job: its entry and its key are gone, and it is counted. False: it was not ours any more."""
        with redis_errors():
            return await self._finish((hold, outcome, record, took))

    async def _finish_all(self, ended: Sequence[tuple[Hold, Outcome, str, Took | None]]) -> list[bool | Exception]:
        by_queue: dict[str, list[int]] = {}
        for at, (hold, _, _, _) in enumerate(ended):
            by_queue.setdefault(hold.queue, []).append(at)
        calls: list[tuple[str, Sequence[Argument]]] = []
        for queue, positions in by_queue.items():
            parts = [
                part
                for hold, outcome, record, took in map(ended.__getitem__, positions)
                for part in (hold.entry_id, hold.task_id, hold.key, outcome, record, _counted(took))
            ]
            calls.append((queue, [self.name, FINISHED_KEPT, *parts]))
        answers = await FINISH.try_on_queues(self._redis, calls)
        done: dict[int, bool | Exception] = {}
        for positions, answer in zip(by_queue.values(), answers, strict=True):
            # What one queue refuses is nothing to the others.
            each = [answer] * len(positions) if isinstance(answer, Exception) else map(bool, answer)
            done |= zip(positions, each, strict=True)
        return [done[at] for at in range(len(ended))]

    async def retry(self, hold: Hold, message: bytes, delay: float) -> bool:
        """Puts the job off by `delay` seconds, as `message` now has it; it keeps its key. False: it was not ours."""
        arguments = (self.name, hold.entry_id, hold.task_id, hold.key, message, _ms(delay))
        with redis_errors():
            done = await RETRY.run_on_queue(self._redis, hold.queue, *arguments)
        return bool(done)

    async def release(self, hold: Hold) -> None:
        """Gives the entry back at once."""
        with redis_errors():
            await RELEASE.run_on_queue(self._redis, hold.queue, self.name, hold.entry_id)

    async def promote(self) -> list[Tick]:
        """Moves the delayed jobs that are due to the waiting ones, and says that no job has killed this consumer."""
        calls = [(queue, (_PROMOTED_AT_ONCE, self.name)) for queue in self.queues]
        with redis_errors():
            answers = await PROMOTE.run_on_queues(self._redis, calls)
        return [
            Tick(queue, None if wait < 0 else wait / 1000, bool(held_back), frozenset(c.decode() for c in cancels))
            for queue, (wait, held_back, cancels) in zip(self.queues, answers, strict=True)
        ]

    async def leave(self) -> None:
        """Drops this consumer from the groups, and those that went away without a word, as far as they hold nothing."""
        with redis_errors():
            await SWEEP.run_on_queues(self._redis, [(queue, (self.name, _GONE_MS)) for queue in self.queues])


class ClockJumped(Exception):
    """The clock of Redis was put forward, so that all leases ran out at once: nothing was taken over."""


class GroupLost(Exception):
    """A consumer group is gone, as after FLUSHALL."""


class _group_errors:  # noqa: N801 - used as a context manager, reads as a phrase
    """Redis has several words for a group that is gone; here they become GroupLost."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, exc.ResponseError) and any(word in str(error) for word in _LOST):
            raise GroupLost from error


# The second is what a blocked read is told when its stream goes away.
_LOST = ("NOGROUP", "no longer exists", "UNBLOCKED")


def _pairs(fields: Sequence[bytes]) -> dict[bytes, bytes]:
    return dict(zip(fields[::2], fields[1::2], strict=True))


def _counted(took: Took | None) -> str:
    """What counts it in the histograms of its queue."""
    if took is None:
        return ""
    return f"{_ms(took.waited_s)} {bucket(took.waited_s)} {_ms(took.ran_s)} {bucket(took.ran_s)}"


def _ms(seconds: float) -> int:
    return int(seconds * 1000)

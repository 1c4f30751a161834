"""The jobs that this process has in hand, and how many more it may take."""

import asyncio
import datetime as dt
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from taskiq.message import TaskiqMessage

from core.failed_jobs import Attempt
from core.logs import Kept
from core.queues.delivery import DEATHS, Hold, Outcome

# Two jobs that may be what kills workers begin at least so many seconds apart.
_APART_S = 60.0


class Phase(Enum):
    """TAKEN, not begun; RUNNING its task; ENDING, when only its outcome is still to be written down."""

    TAKEN = auto()
    RUNNING = auto()
    ENDING = auto()


class Stop(Enum):
    """Why a job has to stop: our lease ran out, a person cancelled it, or this process goes away."""

    LOST = auto()
    CANCELLED = auto()
    CLOSING = auto()


async def _always() -> bool:
    return True


@dataclass(eq=False)
class Delivery:
    """One job in our hands."""

    hold: Hold
    # As it came: arguments are parsed into types before the task runs, and a retry must send what was sent.
    body: bytes
    message: TaskiqMessage
    # For screens: JSON values, shortened.
    args: tuple[Any, ...]
    attempts: tuple[Attempt, ...]
    deliveries: int
    # Workers that died while they had it.
    deaths: int
    # By the clock of Redis, in seconds since 1970.
    added_at: float
    # By our monotonic clock; not later than Redis began to count the lease.
    renewed_at: float
    phase: Phase = Phase.TAKEN
    stop: Stop | None = None
    outcome: Outcome = "done"
    # Ended, put off or given back: nothing is left to be told to Redis.
    is_settled: bool = False
    started_at: dt.datetime | None = None
    task: asyncio.Task[Any] | None = field(default=None, repr=False)
    # What this attempt logs.
    said: Kept | None = field(default=None, repr=False)
    # Asks whether it is ours still; see leases.holds.
    is_held: Callable[[], Awaitable[bool]] = field(default=_always, repr=False)

    @property
    def attempt(self) -> int:
        """Which attempt this is, from 1."""
        return len(self.attempts) + 1

    def halt(self, why: Stop) -> None:
        """Cancels the task, if it runs; a job that has only its outcome to write down goes on."""
        if self.stop is None and self.phase is not Phase.ENDING:
            self.stop = why
            if self.task is not None:
                self.task.cancel()


# The job of the present asyncio task.
current: ContextVar[Delivery | None] = ContextVar("current", default=None)


class InFlight:
    """At most `slots` jobs, of each queue at most `limits[queue]`, so that one slow queue leaves room for the others.

    Changed from the event loop only; `everything` may be read from any thread.
    """

    def __init__(self, slots: int, limits: Mapping[str, int]) -> None:
        self.slots = slots
        self.limits = dict(limits)
        # Set when something was dropped: there is room now.
        self.has_changed = asyncio.Event()
        self._deliveries: dict[bytes, Delivery] = {}
        self._counts: Counter[str] = Counter()

    def add(self, delivery: Delivery) -> bytes:
        """Returns the handle under which it is found again."""
        handle = f"{delivery.hold.queue}/{delivery.hold.entry_id}".encode()
        self._counts[delivery.hold.queue] += handle not in self._deliveries
        self._deliveries[handle] = delivery
        return handle

    def drop(self, delivery: Delivery) -> None:
        handle = f"{delivery.hold.queue}/{delivery.hold.entry_id}".encode()
        # Not another that came under the same id after this one was lost.
        if self._deliveries.get(handle) is delivery:
            del self._deliveries[handle]
            self._counts[delivery.hold.queue] -= 1
            self.has_changed.set()

    def get(self, handle: bytes) -> Delivery | None:
        return self._deliveries.get(handle)

    @property
    def everything(self) -> tuple[Delivery, ...]:
        return tuple(self._deliveries.copy().values())

    @property
    def free(self) -> int:
        return self.slots - len(self._deliveries)

    def room(self, queue: str) -> int:
        return min(self.free, self.limits[queue] - self._counts[queue])

    def may_take_suspect(self) -> bool:
        """Whether a job may be taken that is recorded if this process dies: then it must be clear which one it was."""
        since = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=_APART_S)
        suspects = [one for one in self._deliveries.values() if one.deaths == DEATHS - 1]
        return all(one.started_at is not None and one.started_at < since for one in suspects)

    def entries(self) -> dict[str, list[str]]:
        """The ids of the entries in hand, by queue."""
        found: dict[str, list[str]] = {}
        for delivery in self._deliveries.values():
            found.setdefault(delivery.hold.queue, []).append(delivery.hold.entry_id)
        return found


def shares(free: int, rooms: Mapping[str, int], hungry: set[str]) -> dict[str, int]:
    """How many jobs to ask of each queue: never more than `free` in all.

    One of each first, in the order of `rooms`; what is left goes in turn to the `hungry` ones, which had more to give
    the last time.
    """
    asked = dict.fromkeys(rooms, 0)
    for only_hungry in (False, True):
        given = True
        while free and given:
            given = False
            for queue, room in rooms.items():
                if free and asked[queue] < room and (queue in hungry or not only_hungry):
                    asked[queue] += 1
                    free -= 1
                    given = only_hungry
    return {queue: count for queue, count in asked.items() if count}

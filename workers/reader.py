"""Takes jobs out of Redis: what waits, what is due, and what dead workers left behind."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from core.cancellation import is_cancelled
from core.errors import RedisUnavailable
from core.queues.delivery import ClockJumped, Consumer, Entry, GroupLost
from workers.in_flight import InFlight, Stop, shares
from workers.outage import Outage

log = structlog.get_logger(__name__)

Accept = Callable[[Entry, float], None]

# Longest wait for a job in one read, less than the socket timeout; a stop waits for the end of it. It is also how often
# dead workers are looked for (more often if a lease is short).
_PACE_S = 1.0
# While a queue is at its limit it is not read; so soon it is looked at again, as a read cannot be interrupted.
_BLOCK_AT_LIMIT_S = 0.05
# In a cluster no read spans several queues, so an idle worker asks again and again.
_CLUSTER_POLL_S = 0.2
# Under load: how long to wait for more slots before reading for one, and how often to ask queues that were empty.
_MORE_ROOM_S = 0.003
_QUIET_QUEUES_S = 0.02
# How often delayed jobs, pauses and cancels are looked for, at least.
_LOOK_S = 0.5


# A step takes some seconds at the most. Beats are counted as well: while the whole process is stopped, none comes.
STILL_S, STILL_BEATS = 10.0, 3


@dataclass
class _Loop:
    """`began`: when its last step did; `beats` since then."""

    step: Callable[[], Awaitable[bool]]
    began: float = field(default_factory=time.monotonic)
    beats: int = 0
    task: asyncio.Task[None] = field(init=False)

    @property
    def stands_still(self) -> bool:
        return self.beats >= STILL_BEATS and time.monotonic() - self.began > STILL_S


class Reader:
    """Reads while there is room, until it is stopped."""

    def __init__(
        self,
        *,
        consumer: Consumer,
        in_flight: InFlight,
        accept: Accept,
        renew_leases: Callable[[], None],
        outage: Outage,
        one_slot: bool,
    ) -> None:
        """`accept(entry, asked_at)` gets each job, with the monotonic time before it was asked for.

        `renew_leases` is called when Redis may have lost what it knew of them. `one_slot`: whether one command may
        read all queues, which a cluster forbids.
        """
        self._consumer = consumer
        self._in_flight = in_flight
        self._accept = accept
        self._renew_leases = renew_leases
        self._outage = outage
        self._is_unsure = True
        self._heard_at = time.monotonic()
        self._has_waited_for_more = False
        self._all_asked_at = float("-inf")
        self._one_slot = one_slot
        self._pace_s = min(_PACE_S, consumer.lease / 5)
        # Longer than it takes any heartbeat to notice that Redis is back.
        self._settling_s = min(_PACE_S, consumer.lease / 3)
        # Whether a person wants this process to take nothing, and whether nothing is on its way here any more.
        self.is_to_rest = self.rests = False
        self._held_back: set[str] = set()
        self._hungry: set[str] = set()
        self._order = list(consumer.queues)
        self._stopping = False
        self._reclaim_at = self._waited_at = float("-inf")
        self._loops: list[_Loop] = []

    def start(self) -> None:
        self._heard_at = time.monotonic()
        self._loops = [self._begun(self._read), self._begun(self._look)]

    def _begun(self, step: Callable[[], Awaitable[bool]]) -> _Loop:
        loop = _Loop(step)
        loop.task = asyncio.create_task(self._forever(loop))
        return loop

    def revive(self) -> None:
        """To be called on the event loop with each beat: a worker that reads no more looks alive, and does nothing.

        What has ended, or stands still, begins anew: a driver may leave it so after a freeze. What was being read then
        comes round again when its lease has run out.
        """
        for at, loop in enumerate(self._loops) if not self._stopping else ():
            loop.beats += 1
            if loop.task.done() or loop.stands_still:
                log.error("reading had stopped, and begins anew", step=loop.step.__name__)
                loop.task.cancel()
                self._loops[at] = self._begun(loop.step)

    async def stop(self) -> None:
        """Takes nothing more. What was asked for already still arrives, before this returns."""
        self._stopping = True
        self._in_flight.has_changed.set()
        await self._loops[0].task

    async def close(self) -> None:
        """Ends the looking as well, which goes on while the last jobs run, so that they can be cancelled."""
        self._stopping = True
        for loop in self._loops:
            loop.task.cancel()
        await asyncio.gather(*(loop.task for loop in self._loops), return_exceptions=True)

    async def _forever(self, loop: _Loop) -> None:
        going_on = True
        while going_on and not is_cancelled():
            loop.began, loop.beats = time.monotonic(), 0
            try:
                going_on = await loop.step()
                self._outage.over()
            except GroupLost:
                await self._make_groups()
            except RedisUnavailable as error:
                self._is_unsure = True
                await asyncio.sleep(self._outage.failed(error))
            except (Exception, asyncio.CancelledError):
                if is_cancelled():
                    raise
                # Whatever it was, a worker that silently reads no more is worse.
                log.exception("reading failed")
                await asyncio.sleep(1.0)

    async def _make_groups(self) -> None:
        log.warning("the consumer groups were gone, so they are made anew")
        self._renew_leases()
        try:
            await self._consumer.ensure_groups()
        except RedisUnavailable as error:
            await asyncio.sleep(self._outage.failed(error))

    async def _read(self) -> bool:
        if self._stopping:
            return False
        if self.rests != self.is_to_rest:
            self.rests = self.is_to_rest
            # The beat that comes of it tells whoever asked.
            self._renew_leases()
        self._mind_a_silence()
        if self._is_unsure:
            await self._let_leases_be_renewed()
        self._in_flight.has_changed.clear()
        # A queue that is held back is refused by Redis in any case; it is left out so that nobody waits for it.
        rooms = {queue: self._in_flight.room(queue) for queue in self._order if queue not in self._held_back}
        rooms = {queue: room for queue, room in rooms.items() if room > 0 and not self.rests}
        if not rooms:
            await _set_within(self._in_flight.has_changed, _LOOK_S)
            return True
        if self._hungry and not self._is_half_free() and not self._has_waited_for_more:
            # One slot is free and more will be at once, if jobs are small: fetch for all of them in one read.
            self._has_waited_for_more = True
            with suppress(TimeoutError):
                async with asyncio.timeout(_MORE_ROOM_S):
                    while not self._is_half_free():
                        self._in_flight.has_changed.clear()
                        await self._in_flight.has_changed.wait()
            return True
        self._has_waited_for_more = False
        # First what dead workers left behind: it is older, and under load there would never be room for it.
        if await self._reclaim(rooms):
            return True
        asked_at = time.monotonic()
        wanted = self._worth_asking(rooms)
        entries = await self._fetch(wanted)
        if not entries and len(wanted) == len(rooms):
            asked_at = time.monotonic()
            entries = await self._wait(list(rooms))
        for entry in entries:
            self._accept(entry, asked_at)
        return True

    def _is_half_free(self) -> bool:
        return self._in_flight.free >= self._in_flight.slots // 2

    async def _let_leases_be_renewed(self) -> None:
        """A Redis that was restarted may have lost its last second: of jobs that are running it then knows nothing, and
        would hand them out again. So all workers first say what they have, and take something only after that."""
        age = await self._consumer.server_age()
        self._is_unsure = False
        if age < self._consumer.lease:
            self._renew_leases()
            await asyncio.sleep(self._settling_s)

    def _mind_a_silence(self) -> None:
        """If Redis was not heard of for long, as it or this process was frozen or cut off, others may have been too."""
        if time.monotonic() - self._heard_at > max(self._consumer.lease / 2, 2 * _LOOK_S):
            self._let_leases_be_renewed_first()

    def _let_leases_be_renewed_first(self) -> None:
        """They may have run out without anybody having died, so nothing is taken over for a while."""
        self._renew_leases()
        now, lease = time.monotonic(), self._consumer.lease
        # Not again and again: on a machine that is always late, somebody has to take over what the dead have left.
        if now > self._waited_at + 2 * lease:
            self._waited_at = now
            # Longer than from one beat to the next.
            self._reclaim_at = now + lease / 2

    def _worth_asking(self, rooms: Mapping[str, int]) -> Mapping[str, int]:
        """Most reads of a busy worker would be of queues that were empty a moment ago."""
        now = time.monotonic()
        hungry = {queue: room for queue, room in rooms.items() if queue in self._hungry}
        if hungry and now < self._all_asked_at + _QUIET_QUEUES_S:
            return hungry
        self._all_asked_at = now
        # Who comes last today is first tomorrow.
        self._order.append(self._order.pop(0))
        return rooms

    async def _fetch(self, rooms: Mapping[str, int]) -> list[Entry]:
        asked = shares(self._in_flight.free, rooms, self._hungry)
        entries = await self._consumer.fetch(asked)
        had = Counter(entry.queue for entry in entries)
        # A queue that gave all that was asked for has more, presumably.
        self._hungry -= set(asked)
        self._hungry |= {queue for queue, count in asked.items() if had[queue] == count}
        return entries

    async def _wait(self, queues: list[str]) -> list[Entry]:
        if not self._one_slot:
            await _set_within(self._in_flight.has_changed, _CLUSTER_POLL_S)
            return []
        is_limited = len(queues) + len(self._held_back) < len(self._order)
        return await self._consumer.wait(queues, _BLOCK_AT_LIMIT_S if is_limited else self._pace_s)

    async def _look(self) -> bool:
        ticks = await self._consumer.promote()
        self._mind_a_silence()
        self._heard_at = time.monotonic()
        self._held_back = {tick.queue for tick in ticks if tick.held_back}
        unwanted = {(tick.queue, task_id) for tick in ticks for task_id in tick.to_cancel}
        if unwanted:
            for delivery in self._in_flight.everything:
                if (delivery.hold.queue, delivery.hold.task_id) in unwanted:
                    delivery.halt(Stop.CANCELLED)
        due = [tick.next_due_s for tick in ticks if tick.next_due_s is not None]
        await asyncio.sleep(min(_LOOK_S, *due) if due else _LOOK_S)
        return True

    async def _reclaim(self, rooms: Mapping[str, int]) -> bool:
        if time.monotonic() < self._reclaim_at:
            return False
        self._reclaim_at = time.monotonic() + self._pace_s
        in_hand, found = self._in_flight.entries(), False
        for queue, room in shares(self._in_flight.free, rooms, set(rooms)).items():
            asked_at, suspect = time.monotonic(), self._in_flight.may_take_suspect()
            try:
                entries = await self._consumer.reclaim(queue, room, in_hand.get(queue, ()), suspect=suspect)
            except ClockJumped:
                log.warning("the clock of Redis was put forward")
                self._let_leases_be_renewed_first()
                return found
            for entry in entries:
                # One that was given back, or came while its queue was held back, is nothing to worry anybody with.
                tell = log.warning if entry.deaths else log.info
                tell("took over a job that nobody held on to", queue=entry.queue, deaths=entry.deaths)
                self._accept(entry, asked_at)
                found = True
        return found


async def _set_within(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return

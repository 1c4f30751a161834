"""The thread that keeps our leases and says that we are alive, even while a task blocks the event loop."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import structlog

from core.cancellation import is_cancelled
from core.errors import RedisUnavailable
from core.queues.beats import Wishes, WorkerBeat, beat_worker
from core.queues.client import SOCKET_TIMEOUT_S, connect
from core.queues.delivery import Consumer
from workers.in_flight import InFlight, Stop
from workers.outage import Outage

log = structlog.get_logger(__name__)

# While Redis is away the leases run, so it is asked this often. A lease that cannot be renewed in time is given up at
# this part of it, so that a job has stopped here before it begins elsewhere.
_SOON_S = 0.5
_GIVEN_UP_AT = 0.9
# No task may block the event loop: timeouts, cancels and every other job of the process wait for it. One that does so
# for this long will not come back, and only the end of the process frees its job.
_HUNG_S = 300.0


class Heartbeat(threading.Thread):
    """Beats three times a lease."""

    def __init__(
        self,
        *,
        url: str,
        consumer: Consumer,
        in_flight: InFlight,
        describe: Callable[[], WorkerBeat],
        outage: Outage,
        heed: Callable[[Wishes], None],
        revive: Callable[[], None],
    ) -> None:
        """`heed`, with what people want of this process, and `revive` are called on the event loop with each beat."""
        super().__init__(name="heartbeat", daemon=True)
        self._url = url
        self._name, self._lease, self._queues = consumer.name, consumer.lease, consumer.queues
        self._in_flight = in_flight
        self._describe = describe
        self._outage = outage
        self._heed = heed
        self._revive = revive
        self._loop = asyncio.get_running_loop()
        self._beats_missed = 0
        self._own_loop: asyncio.AbstractEventLoop | None = None
        self._woken = asyncio.Event()
        self._is_ended = False

    def wake(self) -> None:
        """Beats at once: Redis may have lost what it knew of our leases."""
        if self._own_loop is not None:
            self._own_loop.call_soon_threadsafe(self._woken.set)

    def stop(self) -> None:
        """Ends the thread; to be joined."""
        self._is_ended = True
        self.wake()

    def run(self) -> None:
        asyncio.run(self._beat_until_ended())

    async def _beat_until_ended(self) -> None:
        self._own_loop = asyncio.get_running_loop()
        interval = self._lease / 3
        self._soon = min(_SOON_S, self._lease / 6)
        self._timeout = min(SOCKET_TIMEOUT_S, self._lease / 6)
        # Connections belong to one event loop: this thread has its own.
        redis = connect(self._url, timeout=self._timeout)
        consumer = Consumer(redis, self._name, self._lease, self._queues)
        while not self._is_ended:
            self._woken.clear()
            self._look_at_the_loop(interval)
            pause = interval
            try:
                await self._renew(consumer)
                self._loop.call_soon_threadsafe(self._heed, await beat_worker(redis, self._describe()))
                self._outage.over()
            except RedisUnavailable as error:
                self._outage.failed(error)
                self._give_up_what_runs_out()
                pause = self._soon
            except (Exception, asyncio.CancelledError):
                if is_cancelled():
                    raise
                # A heart that stops for a bug would let every job be run twice; so would leases that are not renewed.
                log.exception("a beat failed")
                self._give_up_what_runs_out()
                pause = self._soon
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), pause)
        await redis.aclose()

    async def _renew(self, consumer: Consumer) -> None:
        asked = time.monotonic()
        held = {delivery.hold: delivery for delivery in self._in_flight.everything}
        lost = await consumer.renew(held) if held else set()
        for hold, delivery in held.items():
            if hold in lost:
                self._loop.call_soon_threadsafe(delivery.halt, Stop.LOST)
            else:
                delivery.renewed_at = max(delivery.renewed_at, asked)

    def _give_up_what_runs_out(self) -> None:
        """Nothing was renewed: others may have these jobs soon."""
        next_answer_at = time.monotonic() + self._soon + self._timeout
        for delivery in self._in_flight.everything:
            if next_answer_at - delivery.renewed_at > _GIVEN_UP_AT * self._lease:
                self._loop.call_soon_threadsafe(delivery.halt, Stop.LOST)

    def _look_at_the_loop(self, interval: float) -> None:
        # Beats are counted, not seconds: while the whole process is stopped, nothing blocks anything.
        if self._beats_missed * interval > _HUNG_S:
            log.critical("a task blocks the event loop, so this process ends", blocked_s=_HUNG_S)
            os.kill(os.getpid(), signal.SIGKILL)
        self._beats_missed += 1
        self._loop.call_soon_threadsafe(self._pulse)

    def _pulse(self) -> None:
        # Those that a blocked loop has missed all come at once, and count as one.
        if self._beats_missed:
            self._beats_missed = 0
            self._revive()

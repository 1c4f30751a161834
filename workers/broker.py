"""The broker: Redis streams through taskiq, such that no accepted job is lost and none runs at once twice.

What the stock RedisStreamBroker lets happen, and where it is prevented here:

* a quiet queue never recovers a dead worker's jobs, and a live worker runs its own slow job again: reader, heartbeat
* what was prefetched is stranded at a stop: nothing is taken without a free slot, and the rest is given back
* ended entries stay in the stream for ever, what was sent before the first worker is lost: core.queues
* unknown tasks and unreadable messages are dropped, a job that kills its worker loops: endings.bury
"""

import asyncio
import datetime as dt
import os
import secrets
import socket
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import suppress
from functools import partial

import structlog
from taskiq import AckableMessage, BrokerMessage
from taskiq.abc.formatter import TaskiqFormatter
from taskiq.message import TaskiqMessage
from taskiq_redis import RedisStreamBroker

from core.cancellation import is_cancelled
from core.db import Database
from core.errors import RedisUnavailable
from core.queues import QUEUES, connect
from core.queues.beats import RunningJob, Wishes, WorkerBeat, end_worker
from core.queues.client import is_cluster
from core.queues.delivery import Consumer, Entry, Hold
from core.queues.enqueueing import offer_message
from workers.dead_letters import DeadLetters
from workers.endings import Endings
from workers.heartbeat import Heartbeat
from workers.in_flight import Delivery, InFlight, Stop
from workers.leases import holds
from workers.limits import Limits
from workers.messages import HANDLE, JOB_KEY, QUEUE, attempts_in, key_in, read, shown
from workers.middleware import Attempts
from workers.outage import Outage
from workers.reader import Reader

log = structlog.get_logger(__name__)

# After kill -9 a job is run again within this and two seconds. A shorter one finds dead workers sooner, but takes a
# busy machine or a slow Redis for one.
LEASE_S = 15.0
# How long jobs that have to stop may take over it.
_LAST_WORDS_S = 2.0
_CHORES_S = 1.0


class Broker(RedisStreamBroker):
    """Sends jobs; in a worker process it also takes them, and sees each to its end."""

    def __init__(
        self,
        url: str,
        *,
        database: Database,
        slots: int = 1,
        limits: Mapping[str, int] | None = None,
        lease: float = LEASE_S,
        recycling: Limits | None = None,
    ) -> None:
        """`slots` jobs at once, as taskiq's max_async_tasks says; of each queue at most `limits[queue]`.

        `lease`, in seconds: how long a silent worker keeps its jobs. What gives up is recorded in `database`.
        """
        # The base would open a pool of its own, and knows fewer kinds of addresses: core's client stands in for it.
        super().__init__("redis://", queue_name=QUEUES[-1], consumer_id="0")
        self._url = url
        # Not even a short absence of Redis may go unnoticed: see Reader.
        self.redis = connect(url, retries=0)
        self.worker_name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(2)}"
        self.in_flight = InFlight(slots, dict.fromkeys(QUEUES, slots) | dict(limits or {}))
        self.formatter = _Formatter(self.in_flight)
        self._recycling = recycling or Limits()
        self._outage = Outage(log, "Redis")
        self._consumer = Consumer(self.redis, self.worker_name, lease)
        self._dead_letters = DeadLetters(database)
        self._endings = Endings(self._consumer, self.in_flight, self._dead_letters, self._outage)
        self._started_at = dt.datetime.now(dt.UTC)
        self._labels: dict[str, Mapping[str, object]] = {}
        self._ready: asyncio.Queue[bytes] = asyncio.Queue()
        self._chores: set[asyncio.Task[None]] = set()
        self._heartbeat: Heartbeat | None = None
        one_slot = not is_cluster(self.redis)
        self._reader = Reader(
            consumer=self._consumer,
            in_flight=self.in_flight,
            accept=self._accept,
            renew_leases=self._renew_leases,
            outage=self._outage,
            one_slot=one_slot,
        )
        after = self._after_a_job
        self.add_middlewares(Attempts(self.worker_name, self.in_flight, self._endings, self._dead_letters, after=after))

    async def kick(self, message: BrokerMessage) -> None:
        """Enqueues as core.queues does; a message whose key is taken is not sent a second time.

        Labels: queue_name, job_key, delay (seconds). Raises RedisUnavailable, RedisFull or BadRequest.
        """
        queue = str(message.labels.get(QUEUE) or self.queue_name)
        key = message.labels.get(JOB_KEY)
        delay = float(message.labels.get("delay") or 0)
        await offer_message(self.redis, queue, key, message.task_id, message.message, delay=delay)

    async def startup(self) -> None:
        await super().startup()
        if not self.is_worker_process:
            return
        self._labels = {name: task.labels for name, task in self.get_all_tasks().items()}
        self._recycling.begin()
        self._heartbeat = Heartbeat(
            url=self._url,
            consumer=self._consumer,
            in_flight=self.in_flight,
            describe=self._describe,
            outage=self._outage,
            heed=self._heed,
            revive=self._reader.revive,
        )
        self._heartbeat.start()
        self._start(self._chores_for_ever())

    async def _declare_consumer_group(self) -> None:
        try:
            await self._consumer.ensure_groups()
        except RedisUnavailable as error:
            # The groups begin at 0, so what is sent before they exist is not missed.
            self._outage.failed(error)

    async def listen(self) -> AsyncGenerator[AckableMessage, None]:
        """Yields jobs that can be run, never more than there are free slots."""
        self._reader.start()
        try:
            while True:
                handle = await self._ready.get()
                delivery = self.in_flight.get(handle)
                if delivery is not None:
                    yield AckableMessage(data=handle, ack=partial(self._endings.end, delivery))
        finally:
            await self._reader.stop()
            with suppress(TimeoutError):
                async with asyncio.timeout(_LAST_WORDS_S):
                    await self._give_back_what_is_ready()

    async def _give_back_what_is_ready(self) -> None:
        while not self._ready.empty():
            delivery = self.in_flight.get(self._ready.get_nowait())
            if delivery is not None:
                await self._endings.give_back(delivery)

    async def shutdown(self) -> None:
        """Stops what still runs and gives it back, so that others have it at once."""
        self._endings.is_closing = True
        running = [delivery.task for delivery in self.in_flight.everything if delivery.task is not None]
        for delivery in self.in_flight.everything:
            delivery.halt(Stop.CLOSING)
        if running:
            # What does not stop keeps its lease to the end: given back, it could run twice.
            await asyncio.wait(running, timeout=_LAST_WORDS_S)
        for chore in self._chores:
            chore.cancel()
        await asyncio.gather(*self._chores, return_exceptions=True)
        await self._reader.close()
        if self._heartbeat is not None:
            self._heartbeat.stop()
            await asyncio.to_thread(self._heartbeat.join, _LAST_WORDS_S)
            await self._dead_letters.flush()
            await self._leave()
        await super().shutdown()
        await self.redis.aclose()

    async def _leave(self) -> None:
        try:
            await self._consumer.leave()
            await end_worker(self.redis, self.worker_name)
        except RedisUnavailable as error:
            self._outage.failed(error)

    def _accept(self, entry: Entry, asked_at: float) -> None:
        message, unfit = read(entry, self._labels)
        delivery = Delivery(
            hold=Hold(entry.queue, entry.id, message.task_id, key_in(message), entry.taken_ms),
            body=entry.fields.get(b"data", b""),
            message=message,
            args=shown(message),
            attempts=attempts_in(message),
            deliveries=entry.deliveries,
            deaths=entry.deaths,
            added_at=entry.added_at,
            renewed_at=asked_at,
        )
        delivery.is_held = partial(holds, self._consumer, delivery)
        handle = self.in_flight.add(delivery)
        message.labels[HANDLE] = handle.decode()
        if unfit is None:
            self._ready.put_nowait(handle)
        else:
            self._start(self._endings.bury(delivery, unfit))

    def _heed(self, wishes: Wishes) -> None:
        self._reader.is_to_rest = wishes.drain
        if wishes.recycle:
            self._recycling.drain("asked for")

    def _after_a_job(self) -> None:
        # In place of one that a person has drained, a fresh one would take jobs.
        if not self._reader.is_to_rest:
            self._recycling.after_a_job()

    def _renew_leases(self) -> None:
        if self._heartbeat is not None:
            self._heartbeat.wake()

    def _start(self, chore: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(chore)
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)

    async def _chores_for_ever(self) -> None:
        while not is_cancelled():
            await asyncio.sleep(_CHORES_S)
            self._recycling.look_after_the_manager()
            await self._dead_letters.flush()

    def _describe(self) -> WorkerBeat:
        jobs = tuple(
            RunningJob(
                d.hold.task_id, d.message.task_name, d.hold.queue, d.hold.key or None, d.args, d.started_at, d.attempt
            )
            for d in self.in_flight.everything
            if d.started_at is not None
        )
        return WorkerBeat(
            name=self.worker_name,
            host=socket.gethostname(),
            pid=os.getpid(),
            started_at=self._started_at,
            seen_at=dt.datetime.now(dt.UTC),
            memory_mb=round(self._recycling.memory_mb(), 1),
            slots=self.in_flight.slots,
            busy=len(jobs),
            jobs=jobs,
            memory_limit_mb=self._recycling.memory_limit_mb,
            draining=self._recycling.is_draining,
            drained=self._reader.rests,
        )


class _Formatter(TaskiqFormatter):
    """What is sent is taskiq's JSON. What taskiq is given back is a handle: the message was read when it arrived."""

    def __init__(self, in_flight: InFlight) -> None:
        self._in_flight = in_flight

    def dumps(self, message: TaskiqMessage) -> BrokerMessage:
        return BrokerMessage(
            task_id=message.task_id,
            task_name=message.task_name,
            message=message.model_dump_json().encode(),
            labels=message.labels,
        )

    def loads(self, message: bytes) -> TaskiqMessage:
        delivery = self._in_flight.get(message)
        if delivery is None:
            raise LookupError("the job has left our hands")
        sent = delivery.message
        # A copy: taskiq parses arguments in place, and what is kept of a failure is what was sent.
        return sent.model_copy(
            update={"args": list(sent.args), "kwargs": dict(sent.kwargs), "labels": dict(sent.labels)}
        )

"""How a job leaves our hands: ended, put off, or given back; each once, and never while Redis has not confirmed it."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

import structlog

from core.errors import RedisRefused, RedisUnavailable, Unavailable
from core.queues.delivery import Consumer, Took
from workers.dead_letters import DeadLetters
from workers.in_flight import Delivery, InFlight, Phase
from workers.messages import Unfit, with_attempts
from workers.outage import Outage

log = structlog.get_logger(__name__)
T = TypeVar("T")

_AGAIN_S = 0.5
# Bytes of what a job logged that its line in that list has, as JSON.
SAID_KEPT = 500


class Endings:
    """The endings of this process's jobs."""

    def __init__(self, consumer: Consumer, in_flight: InFlight, dead_letters: DeadLetters, outage: Outage) -> None:
        self._consumer = consumer
        self._in_flight = in_flight
        self._dead_letters = dead_letters
        self._outage = outage
        # From then on nobody waits for a server: what cannot be told to it is left to the end of its lease.
        self.is_closing = False

    async def end(self, delivery: Delivery) -> None:
        """The job has its outcome and leaves Redis; while Redis is away, this waits. Raises RedisUnavailable."""
        if delivery.is_settled:
            return
        delivery.phase = Phase.ENDING
        record, took = _record(delivery, self._consumer.name)
        if not await self.insist(partial(self._consumer.finish, delivery.hold, delivery.outcome, record, took)):
            log.warning("a job ended here after it had gone to another worker", task=delivery.message.task_name)
        delivery.is_settled = True
        self._in_flight.drop(delivery)

    async def put_off(self, delivery: Delivery, delay: float) -> None:
        """The job is tried again in `delay` seconds, with what it has been through. Raises RedisUnavailable."""
        message = with_attempts(delivery.body, delivery.attempts)
        await self.insist(partial(self._consumer.retry, delivery.hold, message, delay))
        delivery.is_settled = True

    async def give_back(self, delivery: Delivery) -> None:
        """Another worker may have the job at once.

        While Redis is away, this waits: a worker that is not heard of again counts as one that the job has killed.
        """
        delivery.is_settled = True
        try:
            await self.insist(partial(self._consumer.release, delivery.hold))
        except RedisUnavailable as error:
            self._outage.failed(error)
        self._in_flight.drop(delivery)

    async def bury(self, delivery: Delivery, unfit: Unfit) -> None:
        """The job never can be run: it is recorded as failed, without being run."""
        delivery.phase = Phase.ENDING
        delivery.outcome = "failed"
        try:
            await self.insist(partial(self._dead_letters.bury, delivery, unfit))
            await self.end(delivery)
        except Unavailable:
            await self.give_back(delivery)
        except Exception:
            log.exception("a job could not be recorded, and comes again", task=delivery.message.task_name)
        finally:
            # Whatever went wrong: without its lease, it comes round again.
            self._in_flight.drop(delivery)

    async def insist(self, call: Callable[[], Awaitable[T]]) -> T:
        """Calls until the server answers. Raises Unavailable when this process closes, or when Redis refuses."""
        while True:
            try:
                return await call()
            except RedisRefused:
                raise
            except Unavailable:
                if self.is_closing:
                    raise
                await asyncio.sleep(_AGAIN_S)


def _record(delivery: Delivery, worker: str) -> tuple[str, Took]:
    """The line of the list of jobs that ended (see core.queues.listing), and what is counted of its times."""
    now = time.time()
    started = delivery.started_at.timestamp() if delivery.started_at else now
    took = Took(max(started - delivery.added_at, 0.0), max(now - started, 0.0))
    fields = {
        "task_id": delivery.hold.task_id[:100],
        "task": delivery.message.task_name[:100],
        "key": delivery.hold.key[:200] or None,
        "args": delivery.args,
        "outcome": delivery.outcome,
        "waited_s": round(took.waited_s, 3),
        "ran_s": round(took.ran_s, 3),
        "ended_at": round(now, 3),
        "worker": worker,
        "attempt": len(delivery.attempts) + (delivery.outcome != "failed"),
        "said": _end_of(delivery.said.text) if delivery.said else "",
    }
    return json.dumps(fields, separators=(",", ":")), took


def _end_of(text: str) -> str:
    end = text[-SAID_KEPT:]
    # Escaped, a character takes up to twelve bytes.
    while len(json.dumps(end)) > SAID_KEPT:
        end = end[1 + len(end) // 8 :]
    return end

"""What surrounds each attempt: its beginning, its failure, its success. One middleware, as several would run in
reverse order for failures, and retries and dead letters have to agree."""

import asyncio
import datetime as dt
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import structlog
from structlog.contextvars import bind_contextvars
from taskiq.abc.middleware import TaskiqMiddleware
from taskiq.message import TaskiqMessage
from taskiq.result import TaskiqResult

from core import logs
from core.errors import RedisUnavailable, Unavailable
from core.failed_jobs import attempt_of
from core.failed_jobs.attempt import unwrapped
from core.failed_jobs.decision import GiveUp, Retry, decide
from core.queries.failed_jobs import ATTEMPTS_KEPT
from workers.dead_letters import DeadLetters
from workers.endings import Endings
from workers.in_flight import Delivery, InFlight, Phase, Stop, current
from workers.messages import HANDLE

log = structlog.get_logger(__name__)

# In seconds, for tasks without a sensible label timeout: no job holds its slot for ever.
TIMEOUT_S = 900.0
# A job that failed because Postgres is away cannot be recorded either. It is tried again after this many seconds: when
# Postgres is back, nothing is wrong with it.
_PARKED_S = 5.0


class StoppedBeforeItBegan(Exception):
    """The job was lost or cancelled between its delivery and its start."""


class Attempts(TaskiqMiddleware):
    """Begins attempts, and decides after a failed one. An error in here leaves the job un-acked: it comes again."""

    def __init__(
        self,
        worker: str,
        in_flight: InFlight,
        endings: Endings,
        dead_letters: DeadLetters,
        *,
        after: Callable[[], None],
    ) -> None:
        """`worker` is the name that attempts are signed with; `after` is called when a job has left our hands."""
        super().__init__()
        self._worker = worker
        self._in_flight = in_flight
        self._endings = endings
        self._dead_letters = dead_letters
        self._after = after

    async def pre_execute(self, message: TaskiqMessage) -> TaskiqMessage:
        delivery = self._in_flight.get(str(message.labels[HANDLE]).encode())
        task = asyncio.current_task()
        if delivery is None or task is None:
            raise StoppedBeforeItBegan
        # Every line that is logged for it from here on, by whatever library, says so.
        bind_contextvars(job_id=message.task_id, job=message.task_name, attempt=delivery.attempt)
        delivery.said = logs.keep()
        task.add_done_callback(partial(self._left, delivery))
        try:
            # This process may have been frozen since it asked for the job: then another may be at it already.
            await delivery.is_held()
        except RedisUnavailable:
            delivery.halt(Stop.LOST)
        if delivery.stop is not None:
            await self._stopped(delivery)
            await self._endings.end(delivery)
            raise StoppedBeforeItBegan
        delivery.task = task
        delivery.started_at = dt.datetime.now(dt.UTC)
        delivery.phase = Phase.RUNNING
        current.set(delivery)
        message.labels["timeout"] = _seconds(message.labels.get("timeout"))
        return message

    def _left(self, delivery: Delivery, task: asyncio.Task[Any]) -> None:
        # What was settled is out of Redis; what was not must not be renewed any longer.
        self._in_flight.drop(delivery)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, StoppedBeforeItBegan):
            log.error("a job could not be ended, and comes again", task=delivery.message.task_name, error=repr(error))
        self._after()

    def post_execute(self, message: TaskiqMessage, result: TaskiqResult[Any]) -> None:
        delivery = current.get()
        if delivery is not None and not result.is_err:
            delivery.phase = Phase.ENDING
            self._dead_letters.succeeded(delivery)

    async def on_error(self, message: TaskiqMessage, result: TaskiqResult[Any], exception: BaseException) -> None:
        delivery = current.get()
        if delivery is None:
            return
        delivery.phase = Phase.ENDING
        if delivery.stop is None:
            await self._failed(delivery, _told(exception, message, delivery))
            return
        if delivery.task is not None:
            # The cancellation has done its work: what is still to be written down is not cancelled with it.
            delivery.task.uncancel()
        await self._stopped(delivery)

    async def _stopped(self, delivery: Delivery) -> None:
        match delivery.stop:
            case Stop.CANCELLED:
                delivery.outcome = "cancelled"
                log.info("a job was cancelled", task=delivery.message.task_name, key=delivery.hold.key)
            case _:
                # If it is another's by now, this changes nothing.
                await self._endings.give_back(delivery)

    async def _failed(self, delivery: Delivery, exception: BaseException) -> None:
        at = delivery.started_at or dt.datetime.now(dt.UTC)
        took = max(time.time() - at.timestamp(), 0.0)
        said = delivery.said.text if delivery.said else ""
        attempt = attempt_of(exception, at=at, worker=self._worker, duration_s=took, log=said)
        delivery.attempts = (*delivery.attempts, attempt)[-ATTEMPTS_KEPT:]
        match decide(exception, len(delivery.attempts)):
            case Retry(delay):
                log.info(
                    "a job is tried again",
                    task=delivery.message.task_name,
                    in_s=delay,
                    error=attempt.message,
                )
                await self._endings.put_off(delivery, delay)
            case GiveUp(reason):
                delivery.outcome = "failed"
                await self._give_up(delivery, exception, reason)

    async def _give_up(self, delivery: Delivery, exception: BaseException, reason: str) -> None:
        record = partial(self._dead_letters.give_up, delivery, reason)
        if not isinstance(unwrapped(exception), Unavailable):
            await self._endings.insist(record)
            return
        try:
            await record()
        except Unavailable:
            await self._endings.put_off(delivery, _PARKED_S)


def _seconds(timeout: object) -> float:
    """The label, if it makes sense."""
    try:
        seconds = float(str(timeout))
    except ValueError:
        return TIMEOUT_S
    return seconds if 0 < seconds < float("inf") else TIMEOUT_S


def _told(exception: BaseException, message: TaskiqMessage, delivery: Delivery) -> BaseException:
    """A timeout of ours says nothing by itself."""
    if isinstance(exception, TimeoutError) and not str(exception) and delivery.started_at is not None:
        limit = float(message.labels["timeout"])
        if time.time() - delivery.started_at.timestamp() >= limit:
            return TimeoutError(f"took longer than {limit:g} s").with_traceback(exception.__traceback__)
    return exception

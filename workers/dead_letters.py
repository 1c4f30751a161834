"""Writing down in Postgres what gave up, before it leaves Redis."""

import datetime as dt

import structlog

from core.db import Database
from core.errors import SignalistError, Unavailable
from core.failed_jobs import Failure, fingerprint
from core.queries import failed_jobs
from workers.in_flight import Delivery
from workers.messages import OURS, Unfit
from workers.outage import answered_within

log = structlog.get_logger(__name__)

_PATIENCE_S = 10.0
# Keys of jobs that succeeded are looked up in one go; more than this many are not kept while Postgres is away.
_MOST_SUCCESSES = 10_000


class DeadLetters:
    """The failed jobs of this process on their way to Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._succeeded: dict[str, None] = {}

    async def give_up(self, delivery: Delivery, reason: str) -> None:
        """Records the last failed attempt, with those before it. Raises Unavailable: then nothing was recorded."""
        last = delivery.attempts[-1]
        mark = fingerprint(last.exception, last.message, last.frame)
        await self._record(_failure(delivery, last.exception, last.message, mark, reason))

    async def bury(self, delivery: Delivery, unfit: Unfit) -> None:
        """Records what never can be run. Raises Unavailable: then nothing was recorded."""
        mark = fingerprint(unfit.exception, unfit.message, "")
        await self._record(_failure(delivery, unfit.exception, unfit.message, mark, unfit.reason))

    async def _record(self, failure: Failure) -> None:
        async with answered_within(_PATIENCE_S), self._database.session() as session:
            await failed_jobs.record(session, failure)
        log.warning(
            "a job gave up",
            job_id=failure.task_id,
            task=failure.task,
            key=failure.key,
            reason=failure.reason,
            error=failure.message,
        )

    def succeeded(self, delivery: Delivery) -> None:
        """If that job has an open row, `flush` closes it."""
        if len(self._succeeded) < _MOST_SUCCESSES:
            self._succeeded[delivery.hold.key or delivery.hold.task_id] = None

    async def flush(self) -> None:
        """Closes the rows of what succeeded since the last time; what fails now is tried again the next time."""
        keys = list(self._succeeded)
        if not keys:
            return
        try:
            async with answered_within(_PATIENCE_S), self._database.session() as session:
                await failed_jobs.mark_succeeded(session, keys)
        except SignalistError as error:
            if not isinstance(error, Unavailable):
                log.warning("it could not be written down what has succeeded", reason=str(error))
            return
        for key in keys:
            self._succeeded.pop(key, None)


def _failure(delivery: Delivery, exception: str, message: str, mark: str, reason: str) -> Failure:
    sent = delivery.message
    return Failure(
        task_id=sent.task_id,
        key=delivery.hold.key or sent.task_id,
        task=sent.task_name,
        queue=delivery.hold.queue,
        args=sent.args,
        kwargs=sent.kwargs,
        labels={name: value for name, value in sent.labels.items() if name not in OURS},
        attempts=delivery.attempts,
        exception=exception,
        message=message,
        fingerprint=mark,
        reason=reason,
        deliveries=delivery.deliveries,
        failed_at=dt.datetime.now(dt.UTC),
    )

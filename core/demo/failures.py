"""Jobs that gave up before the demo began, as an unreachable service leaves them behind.

Their articles do not exist, so a retry succeeds at once: there is nothing left to do.
"""

import datetime as dt
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from core.failed_jobs.attempt import Attempt
from core.failed_jobs.failure import Failure
from core.failed_jobs.fingerprint import fingerprint
from core.queues import generate_embeddings, generate_summary


@dataclass(frozen=True)
class _Cause:
    count: int
    embeds: bool
    exception: str
    message: str
    frame: str
    heals: bool


_CAUSES = (
    _Cause(
        58, True, "core.errors.RetryLater", "429 requests per minute exceeded.", "openai_models.py:embed", heals=True
    ),
    _Cause(9, False, "TimeoutError", "The summary took longer than 60 s.", "openai_models.py:summarise", heals=True),
    _Cause(3, False, "core.errors.WillNotHeal", "The text is too long.", "openai_models.py:summarise", heals=False),
)
# Seconds from one attempt to the next, as the middleware has them.
_BACKOFF = (0.0, 1.3, 3.6, 8.1)


def failures(now: dt.datetime) -> Iterator[Failure]:
    """The same ones at every call but for their times, which lie within the hour before `now`."""
    dice = random.Random(11)  # noqa: S311 - not for secrets
    for cause in _CAUSES:
        for number in range(cause.count):
            article = uuid.uuid5(uuid.NAMESPACE_OID, f"{cause.exception}/{number}")
            job = generate_embeddings(article) if cause.embeds else generate_summary(article)
            begun = now - dt.timedelta(minutes=dice.uniform(6, 55))
            tries = _BACKOFF if cause.heals else _BACKOFF[:1]
            attempts = [_attempt(cause, begun + dt.timedelta(seconds=after), dice) for after in tries]
            yield Failure(
                task_id=article.hex,
                key=job.key or article.hex,
                task=job.task,
                queue=job.queue,
                args=job.args,
                kwargs={},
                labels={},
                attempts=attempts,
                exception=cause.exception,
                message=cause.message,
                fingerprint=fingerprint(cause.exception, cause.message, cause.frame),
                reason="gave up after 4 attempts" if cause.heals else "will not heal",
                deliveries=1,
                failed_at=attempts[-1].at + dt.timedelta(seconds=attempts[-1].duration_s),
            )


def _attempt(cause: _Cause, at: dt.datetime, dice: random.Random) -> Attempt:
    place, _, function = cause.frame.partition(":")
    return Attempt(
        at=at,
        worker=f"demo:{dice.choice((4127, 4128))}",
        duration_s=round(dice.uniform(0.1, 0.9), 3),
        exception=cause.exception,
        message=cause.message,
        frame=cause.frame,
        traceback=f"core/pipeline/{place} in {function}\n{cause.exception.rpartition('.')[2]}: {cause.message}",
    )

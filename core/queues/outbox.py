"""Jobs that follow from a change in Postgres: sent if the transaction commits, also when Redis is away just then, and
never if it rolls back.

`stage` writes the job into the same transaction; `relay` hands over what was committed, right after the commit and
then again and again from the scheduler, until Redis has it.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import structlog
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession

from core.db import Database
from core.errors import SignalistError, Unavailable
from core.queries import outbox
from core.queries.outbox import PromisedJob
from core.queues import keys
from core.queues.enqueueing import Acceptance, offer_all
from core.queues.jobs import Job, new_task_id

log = structlog.get_logger(__name__)

# Handed over in one transaction; what is left comes with the next.
_AT_ONCE = 500


async def stage(session: AsyncSession, job: Job) -> str:
    """Promises `job` as a part of the transaction of `session`; returns its task id.

    Raises BadRequest if there is no such queue.
    """
    return (await stage_all(session, [job]))[0]


async def stage_all(session: AsyncSession, jobs: Sequence[Job]) -> tuple[str, ...]:
    """Promises all of them, to be sent in this order; returns their task ids. Raises BadRequest as `stage` does."""
    for job in jobs:
        keys.check(job.queue)
    promised = [
        PromisedJob(new_task_id(), job.task, job.args, dict(job.kwargs), dict(job.labels), job.queue, job.key)
        for job in jobs
    ]
    await outbox.add(session, promised)
    return tuple(job.task_id for job in promised)


async def relay(database: Database, redis: Redis) -> int:
    """Hands over what was promised; returns how many jobs are settled.

    A job whose key is waiting or delayed is settled by that one, which has not begun yet and so will see what was
    committed. One whose key is running stays, to be sent when that has ended. Raises DatabaseUnavailable and
    RedisUnavailable; a job that was handed over just before is offered again under the same id, which changes nothing
    while it lives, and at worst runs it twice, one after the other.
    """
    settled, after = 0, 0
    while True:
        count, last = await _relay_some(database, redis, after)
        settled += count
        if last is None:
            return settled
        # Those that stay must not keep the ones behind them from their turn.
        after = last


async def _relay_some(database: Database, redis: Redis, after: int) -> tuple[int, int | None]:
    """Hands over the first rows after row `after`: how many were settled, and the last row if there are more."""
    async with database.session() as session:
        rows = await outbox.claim(session, after, _AT_ONCE)
        answers = await offer_all(redis, [(_job(row.job), row.job.task_id) for row in rows]) if rows else []
        settled = [row.id for row, answer in zip(rows, answers, strict=True) if answer in _SETTLED]
        # Also when some were refused: what was handed over is not to be handed over again.
        await outbox.remove(session, settled)
    for answer in answers:
        if isinstance(answer, SignalistError):
            raise answer
    return len(settled), rows[-1].id if len(rows) == _AT_ONCE else None


_SETTLED = (Acceptance.ACCEPTED, Acceptance.WAITING, Acceptance.DELAYED)


def _job(row: PromisedJob) -> Job:
    return Job(row.task, tuple(row.args), row.queue, row.job_key, row.kwargs, row.labels)


@asynccontextmanager
async def transaction(database: Database, redis: Redis) -> AsyncIterator[AsyncSession]:
    """A transaction whose staged jobs are sent as soon as it has committed, or else by the scheduler within seconds."""
    async with database.session() as session:
        yield session
    await send(database, redis)


async def send(database: Database, redis: Redis) -> None:
    """After a commit: what was promised in it is sent now, if that is possible; else the scheduler does it."""
    try:
        await _relay_some(database, redis, 0)
    except Unavailable as error:
        log.info("what was promised is sent later", reason=str(error))

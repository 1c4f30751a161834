"""Jobs that follow from a change in Postgres: sent if the transaction commits, also when Redis is away just then, and
never if it rolls back.

`stage` writes the job into the same transaction; `relay` hands over what was committed, right after the commit and
then again and again from the scheduler, until Redis has it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession

from core.db import Database
from core.errors import Unavailable
from core.queries import outbox
from core.queues import keys
from core.queues.enqueueing import Acceptance, offer
from core.queues.jobs import Job, new_task_id

log = structlog.get_logger(__name__)

# Handed over in one transaction; what is left comes with the next.
_AT_ONCE = 200


async def stage(session: AsyncSession, job: Job) -> str:
    """Promises `job` as a part of the transaction of `session`; returns its task id.

    Raises BadRequest if there is no such queue.
    """
    keys.check(job.queue)
    task_id = new_task_id()
    await outbox.add(session, task_id=task_id, task=job.task, args=job.args, queue=job.queue, job_key=job.key)
    return task_id


async def relay(database: Database, redis: Redis) -> int:
    """Hands over what was promised; returns how many jobs are settled.

    A job whose key is waiting or delayed is settled by that one, which has not begun yet and so will see what was
    committed. One whose key is running stays, to be sent when that has ended. Raises DatabaseUnavailable and
    RedisUnavailable; a job that was handed over just before is offered again under the same id, which changes nothing
    while it lives, and at worst runs it twice, one after the other.
    """
    settled: list[int] = []
    problem: Unavailable | None = None
    async with database.session() as session:
        try:
            for row in await outbox.claim(session, _AT_ONCE):
                job = Job(row.task, tuple(row.args), row.queue, row.job_key)
                if await offer(redis, job, row.task_id) is not Acceptance.RUNNING:
                    settled.append(row.id)
        except Unavailable as error:
            # What was handed over before is not to be handed over again: that much is committed.
            problem = error
        if settled:
            await outbox.remove(session, settled)
    if problem is not None:
        raise problem
    return len(settled)


@asynccontextmanager
async def transaction(database: Database, redis: Redis) -> AsyncIterator[AsyncSession]:
    """A transaction whose staged jobs are sent as soon as it has committed, or else by the scheduler within seconds."""
    async with database.session() as session:
        yield session
    try:
        await relay(database, redis)
    except Unavailable as error:
        log.info("what was promised is sent later", reason=str(error))

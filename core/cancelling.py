"""Cancelling a job, as a person does it."""

from redis.asyncio import Redis

from core.access import Action, User
from core.db import Database
from core.queues.cancelling import Cancelled, cancel
from core.recording import Face, recorded


async def cancel_job(
    database: Database, redis: Redis, user: User | None, face: Face, *, queue: str, task_id: str
) -> Cancelled:
    """Removes a job that waits or is delayed, and asks the worker of a running one to stop it.

    Raises RedisUnavailable, and what `recorded` raises.
    """
    async with recorded(database, user, face, Action.CANCEL_JOB, task_id, queue=queue) as recording:
        outcome = await cancel(redis, queue, task_id)
        recording.details["outcome"] = outcome
    return outcome

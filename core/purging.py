"""Purging a queue, as a person does it."""

from dataclasses import asdict

from redis.asyncio import Redis

from core import queues
from core.access import Action, User
from core.db import Database
from core.errors import BadRequest
from core.queues import Purged
from core.recording import Face, recorded

# What becomes of the work itself, for whoever is asked to confirm.
COMES_BACK = (
    "What Postgres still says is missing is found and sent again by the scheduler: feeds that are due, articles "
    "without embeddings or summary, failed jobs that were being retried, approved operations."
)


async def purge_queue(
    database: Database, redis: Redis, user: User | None, face: Face, queue: str, *, confirm: str
) -> Purged:
    """Deletes the waiting and delayed jobs of that queue; those that run finish. `confirm` is its name, typed again.

    Raises BadRequest, RedisUnavailable, and what `recorded` raises. The record has the counts, also of a purge that was
    cut short.
    """
    async with recorded(database, user, face, Action.PURGE_QUEUE, queue) as recording:
        if confirm != queue:
            raise BadRequest(f"Nothing was deleted: the name that was typed is not {queue!r}.")
        purged = Purged()
        async for purged in queues.purge(redis, queue):
            recording.details.update(asdict(purged))
    return purged

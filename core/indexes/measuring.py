"""Asking for a measurement now."""

from redis.asyncio import Redis

from core.access import Action, User
from core.db import Database
from core.errors import Conflict
from core.queries import vector_index
from core.queues import enqueue
from core.queues.jobs import measure_index
from core.recording import Face, recorded


async def ask(database: Database, redis: Redis, user: User | None, face: Face) -> str:
    """Queues a measurement of the serving index; returns the sentence to show.

    Raises Conflict where there is no index, RedisUnavailable, and what `recorded` raises.
    """
    async with recorded(database, user, face, Action.PLAN_OPERATION, "measure index") as recording:
        if (await vector_index.read(recording.session)).serving is None:
            raise Conflict("There is no vector index to measure: every search compares all rows, which is exact.")
    if await enqueue(redis, measure_index()):
        return "Measuring: some thousand searches and one pass over all vectors. The result appears here."
    return "It is being measured already."

"""A measurement now: asked for, or taken."""

from redis.asyncio import Redis

from core.access import Action, User
from core.db import Database
from core.errors import Conflict
from core.indexes.measure import measure
from core.queries import vector_index
from core.queries.index_measurements import Measurement
from core.queues import enqueue
from core.queues.jobs import measure_index
from core.recording import Face, recorded


async def ask(database: Database, redis: Redis, user: User | None, face: Face) -> str:
    """Queues a measurement of the serving index; returns the sentence to show.

    Raises Conflict where there is no index, RedisUnavailable, and what `recorded` raises.
    """
    await _record(database, user, face)
    if await enqueue(redis, measure_index()):
        return "Measuring: some thousand searches and one pass over all vectors. The result appears here."
    return "It is being measured already."


async def take(database: Database, user: User | None, face: Face, model: str, *, seed: int) -> Measurement:
    """Measures the serving index in this process, as `measure` does. Raises what that and `recorded` raise."""
    await _record(database, user, face)
    return await measure(database, model, reason="measured", seed=seed)


async def _record(database: Database, user: User | None, face: Face) -> None:
    async with recorded(database, user, face, Action.PLAN_OPERATION, "measure index") as recording:
        if (await vector_index.read(recording.session)).serving is None:
            raise Conflict("There is no vector index to measure: every search compares all rows, which is exact.")

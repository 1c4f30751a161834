"""Replacing a worker process by a fresh one, as a person does it."""

from redis.asyncio import Redis

from core.access import Action, User
from core.db import Database
from core.errors import NotFound
from core.queues.beats import recycle_worker, worker_beats
from core.recording import Face, recorded


async def recycle(database: Database, redis: Redis, user: User | None, face: Face, worker: str) -> None:
    """The worker takes no new jobs, finishes what it runs and makes place for a fresh process.

    Raises NotFound if no such worker is alive, RedisUnavailable, and what `recorded` raises.
    """
    async with recorded(database, user, face, Action.DRAIN_WORKER, worker):
        if worker not in {beat.name for beat in await worker_beats(redis)}:
            raise NotFound(f"No worker {worker} is alive (any more).")
        await recycle_worker(redis, worker)

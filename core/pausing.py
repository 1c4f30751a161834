"""Pausing and resuming a queue, as a person does it."""

from redis.asyncio import Redis

from core import queues
from core.access import Action, User
from core.db import Database
from core.recording import Face, recorded


async def pause_queue(database: Database, redis: Redis, user: User | None, face: Face, queue: str) -> None:
    """No job of that queue starts from now on; those that run finish.

    Raises BadRequest, RedisUnavailable, and what `recorded` raises.
    """
    async with recorded(database, user, face, Action.PAUSE_QUEUE, queue, verb="pause"):
        await queues.pause(redis, queue)


async def resume_queue(database: Database, redis: Redis, user: User | None, face: Face, queue: str) -> None:
    """Jobs of that queue start again. Raises BadRequest, RedisUnavailable, and what `recorded` raises."""
    async with recorded(database, user, face, Action.PAUSE_QUEUE, queue, verb="resume"):
        await queues.resume(redis, queue)

"""Draining a worker process and replacing it by a fresh one, as a person does it."""

from enum import StrEnum

from redis.asyncio import Redis

from core.access import Action, User
from core.db import Database
from core.errors import NotFound
from core.queues import beats
from core.recording import Face, recorded


class Verb(StrEnum):
    """What a person may want of a worker; the value is what the record calls it."""

    DRAIN = "drain"
    RESUME = "resume"
    RECYCLE = "recycle"


_ASK = {Verb.DRAIN: beats.drain_worker, Verb.RESUME: beats.resume_worker, Verb.RECYCLE: beats.recycle_worker}
_ANSWERS = {
    Verb.DRAIN: "It takes no new jobs and finishes what it runs, until it is resumed.",
    Verb.RESUME: "It takes jobs again.",
    Verb.RECYCLE: "It takes no new jobs, finishes what it runs, and makes place for a fresh process.",
}


async def ask(database: Database, redis: Redis, user: User | None, face: Face, worker: str, *, verb: Verb) -> str:
    """The worker does it with its next beat, in five seconds at most. Returns a sentence that says what it will do.

    Raises NotFound if no such worker is alive, RedisUnavailable, and what `recorded` raises.
    """
    async with recorded(database, user, face, Action.DRAIN_WORKER, worker, verb=verb.value):
        if worker not in {beat.name for beat in await beats.worker_beats(redis)}:
            raise NotFound(f"No worker {worker} is alive (any more).")
        await _ASK[verb](redis, worker)
    return _ANSWERS[verb]

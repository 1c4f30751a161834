"""Purging a queue, as a person does it."""

import datetime as dt
from dataclasses import asdict

from redis.asyncio import Redis

from core import queues
from core.access import Action, User
from core.db import Database
from core.errors import BadRequest
from core.phrases import counted
from core.queries import records
from core.queues import Purged, QueueDepth, keys
from core.recording import Face, NotRecorded, recorded

# What becomes of the work itself, for whoever is asked to confirm.
COMES_BACK = (
    "What Postgres still says is missing is found and sent again by the scheduler: feeds that are due, articles "
    "without embeddings or summary, failed jobs that were being retried, approved operations."
)


async def at_stake(redis: Redis, queue: str, now: dt.datetime) -> QueueDepth:
    """What a purge of that queue would meet now. Raises BadRequest if there is no such queue, and RedisUnavailable."""
    keys.check(queue)
    (found,) = [depth for depth in await queues.depths(redis, now) if depth.name == queue]
    return found


def question(depth: QueueDepth) -> str:
    """`This deletes 3 waiting and 1 delayed job of embed. The 2 jobs that run finish.`"""
    if not depth.waiting and not depth.delayed:
        return f"Nothing of {depth.name} waits or is delayed now: there is nothing to delete."
    return f"This deletes {_jobs(depth.waiting, depth.delayed)} of {depth.name}, as of now. {_running(depth.running)}"


def answer(queue: str, purged: Purged) -> str:
    """`3 waiting and 1 delayed job of embed are deleted.`"""
    are = "is" if purged.waiting + purged.delayed == 1 else "are"
    return f"{_jobs(purged.waiting, purged.delayed)} of {queue} {are} deleted."


def _jobs(waiting: int, delayed: int) -> str:
    return f"{waiting:,} waiting and {counted(delayed, 'delayed job')}"


def _running(number: int) -> str:
    match number:
        case 0:
            return "No job runs."
        case 1:
            return "The one that runs is not touched."
        case _:
            return f"The {number:,} that run are not touched."


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
            # Postgres ends a transaction that is idle for a minute, which millions of jobs take; and what cannot be
            # recorded any more goes no further.
            if not await records.writable(recording.session):
                raise NotRecorded
    return purged

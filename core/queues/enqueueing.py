"""Handing a job over: accepted means it is in Redis, once."""

from collections.abc import Sequence
from enum import StrEnum

from redis.asyncio import Redis

from core.errors import SignalistError
from core.queues import keys
from core.queues.client import redis_errors, translated
from core.queues.jobs import Job, encode, new_task_id
from core.queues.scripts import ENQUEUE


class Acceptance(StrEnum):
    """ACCEPTED, or where the job is that holds the same key."""

    ACCEPTED = "accepted"
    WAITING = "waiting"
    DELAYED = "delayed"
    RUNNING = "running"


async def enqueue(redis: Redis, job: Job, *, delay: float = 0) -> str | None:
    """Puts `job` into its queue, `delay` seconds from now.

    Returns the task id, or None when a job with that key is already waiting, running or delayed. Raises
    RedisUnavailable, or RedisFull when the memory limit is reached: then the job was not accepted.
    """
    task_id = new_task_id()
    accepted = await offer(redis, job, task_id, delay=delay)
    return task_id if accepted is Acceptance.ACCEPTED else None


async def offer(redis: Redis, job: Job, task_id: str, *, delay: float = 0) -> Acceptance:
    """`enqueue` with an id of the caller's: offering it again while it lives changes nothing."""
    return await offer_message(redis, job.queue, job.key, task_id, encode(job, task_id), delay=delay)


async def offer_all(redis: Redis, offers: Sequence[tuple[Job, str]]) -> list[Acceptance | SignalistError]:
    """`offer` of many (job, task id) in one round trip; what Redis refused is answered with its error."""
    calls: list[tuple[str, tuple[str, str, bytes, int]]] = []
    for job, task_id in offers:
        keys.check(job.queue)
        calls.append((job.queue, (task_id, job.key or "", encode(job, task_id), 0)))
    with redis_errors():
        answers = await ENQUEUE.try_on_queues(redis, calls)
    return [translated(answer) if isinstance(answer, Exception) else Acceptance(answer.decode()) for answer in answers]


async def offer_message(
    redis: Redis, queue: str, key: str | None, task_id: str, message: bytes, *, delay: float = 0
) -> Acceptance:
    """`offer` of a message that is written already."""
    keys.check(queue)
    with redis_errors():
        answer: bytes = await ENQUEUE.run_on_queue(redis, queue, task_id, key or "", message, int(delay * 1000))
    return Acceptance(answer.decode())

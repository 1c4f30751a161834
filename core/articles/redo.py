"""Embedding or summarising an article again, for instance after its job was discarded."""

import uuid
from collections.abc import Awaitable, Callable
from enum import StrEnum

from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession

from core.access import Action, User
from core.db import Database
from core.errors import NotFound, Unavailable
from core.queries import articles
from core.queues import enqueue, generate_embeddings, generate_summary
from core.queues.jobs import Job
from core.recording import Face, recorded


class Asked(StrEnum):
    """What became of the wish, as the sentence to show."""

    QUEUED = "Queued: it is done within seconds when a worker is free."
    ALREADY = "A job for it waits or runs already."
    POSTPONED = "Redis cannot be reached: it is queued when Redis is back."


async def embed_again(database: Database, redis: Redis, user: User | None, face: Face, article_id: uuid.UUID) -> Asked:
    """Raises NotFound, and what `recorded` raises."""
    job = generate_embeddings(article_id)
    return await _again(database, redis, user, face, article_id, forget=articles.forget_embedding, job=job)


async def summarise_again(
    database: Database, redis: Redis, user: User | None, face: Face, article_id: uuid.UUID
) -> Asked:
    """Raises NotFound, and what `recorded` raises."""
    job = generate_summary(article_id)
    return await _again(database, redis, user, face, article_id, forget=articles.forget_summary, job=job)


async def _again(
    database: Database,
    redis: Redis,
    user: User | None,
    face: Face,
    article_id: uuid.UUID,
    *,
    forget: Callable[[AsyncSession, uuid.UUID], Awaitable[bool]],
    job: Job,
) -> Asked:
    async with recorded(database, user, face, Action.REDO_ARTICLE, str(article_id), task=job.task) as recording:
        if not await forget(recording.session, article_id):
            raise NotFound("There is no such article any more.")
    # It is a to-do in Postgres now, so the reconciler finds it whatever happens to Redis.
    try:
        return Asked.QUEUED if await enqueue(redis, job) else Asked.ALREADY
    except Unavailable:
        return Asked.POSTPONED

"""Embedding one article."""

import uuid

import structlog
from redis.asyncio import Redis

from core.db import Database
from core.errors import Conflict
from core.pipeline.chunk import chunks, with_title
from core.pipeline.models import Embedder
from core.queries import articles, embeddings, operations
from core.queues import tallies

log = structlog.get_logger(__name__)

# An article that changes under our hands more often than this is left to the next crawl.
MOST_ROUNDS = 5


async def embed_by_job(article_id: uuid.UUID, *, database: Database, embedder: Embedder) -> int:
    """As `embed_article`, but what an operation has in hand is left to it, so that nobody pays for it twice: 0 then.

    Should the operation not get to it, it is still to do, and the scheduler sends it again.
    """
    async with database.session() as session:
        if await operations.has_in_hand(session, article_id):
            return 0
    return await embed_article(article_id, database=database, embedder=embedder)


async def embed_article(article_id: uuid.UUID, *, database: Database, embedder: Embedder) -> int:
    """Embeds the article as it is now, and returns how many chunks were stored.

    0: it is gone, embedded by this model already, or has no words. That last one counts as embedded, with no rows,
    because a search could never find it. No transaction is open while the model works; if the article changes
    meanwhile, it is embedded again.
    """
    for _ in range(MOST_ROUNDS):
        async with database.session() as session:
            article = await articles.content(session, article_id)
        if article is None or article.embedding_model == embedder.model:
            return 0
        pieces = chunks(article.title, article.text)
        log.info("embedding", chunks=len(pieces), model=embedder.model)
        vectors = await embedder.embed([with_title(article.title, piece) for piece in pieces])
        # A zero vector has no direction, so pgvector would leave it out of the index.
        kept = [index for index, vector in enumerate(vectors) if vector.any()]
        async with database.session() as session:
            if await embeddings.replace(
                session,
                article_id,
                content_hash=article.content_hash,
                model=embedder.model,
                chunks=[pieces[index] for index in kept],
                vectors=vectors[kept],
            ):
                return len(kept)
    raise Conflict("The article changed each time while it was being embedded.")


async def count_tokens(redis: Redis, embedder: Embedder) -> None:
    """Adds what the service has counted since the last time to the total of its model."""
    spent, embedder.tokens = embedder.tokens, 0
    if spent:
        await tallies.count(redis, "tokens", embedder.model, spent)

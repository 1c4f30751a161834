"""The vectors: replacing those of one article, and finding the nearest."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import psycopg
from numpy.typing import NDArray
from pgvector import Vector
from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.models import Article, ArticleEmbedding, Feed
from core.queries import articles, serving_index
from core.queries.count import Count

Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Nearest:
    """A chunk near a query. `distance` is the cosine distance: 0 the same direction, 2 the opposite."""

    article_id: uuid.UUID
    distance: float
    chunk: str
    title: str
    url: str | None
    feed_id: uuid.UUID
    feed_title: str
    sort_at: dt.datetime
    summary: str | None


@dataclass(frozen=True)
class Coverage:
    """How much of what is stored a search can find with the active model.

    `articles` is exact (the crawls count them); `waiting` is a floor beyond articles.COUNT_CAP.
    """

    model: str
    articles: int
    waiting: Count
    # When the content that has waited longest was stored; None: nothing waits.
    oldest_waiting_at: dt.datetime | None

    @property
    def embedded(self) -> Count:
        """Not exact: at most this many."""
        return Count(max(0, self.articles - self.waiting.value), exact=self.waiting.exact)

    @property
    def share(self) -> float | None:
        """Embedded articles of all, 0 to 1; None when there are none."""
        return self.embedded.value / self.articles if self.articles else None


async def coverage(session: AsyncSession, model: str) -> Coverage:
    """Counts for `model` and the present content only: what was embedded by another model, or before an article
    changed, is waiting."""
    total = (await session.execute(select(func.coalesce(func.sum(Feed.article_count), 0)))).scalar_one()
    progress = await articles.embedding_progress(session, model)
    return Coverage(model, total, progress.waiting, progress.oldest_waiting_at)


async def replace(
    session: AsyncSession,
    article_id: uuid.UUID,
    *,
    content_hash: str,
    model: str,
    chunks: Sequence[str],
    vectors: Vectors,
) -> bool:
    """Makes these the embeddings of the article. False, and nothing is written, if its content has changed since.

    `vectors`: float32, shape (len(chunks), DIMENSIONS), none of them zero (pgvector would not index it).
    No chunks: the article has no words; it counts as done, and no search finds it.
    """
    done = await session.execute(
        update(Article)
        .where(Article.id == article_id, Article.content_hash == content_hash)
        .values(embedding_model=model)
        .returning(Article.id)
        .execution_options(synchronize_session=False)
    )
    if done.scalar_one_or_none() is None:
        return False
    await session.execute(delete(ArticleEmbedding).where(ArticleEmbedding.article_id == article_id))
    if chunks:
        await _copy(session, article_id, model, chunks, vectors)
    return True


async def _copy(
    session: AsyncSession, article_id: uuid.UUID, model: str, chunks: Sequence[str], vectors: Vectors
) -> None:
    """COPY BINARY: twice as fast as INSERT for one row, eight times for twenty, because vectors stay bytes."""
    raw = await (await session.connection()).get_raw_connection()
    connection = cast("psycopg.AsyncConnection[object]", raw.driver_connection)
    async with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        # The server reads each field by its column's type; to the driver a vector is bytes as they are.
        copy.set_types(["uuid", "int4", "text", "bytea", "text"])
        for index, (chunk, vector) in enumerate(zip(chunks, vectors, strict=True)):
            await copy.write_row((article_id, index, chunk, Vector(vector).to_binary(), model))


_COPY = "copy article_embeddings (article_id, chunk_index, content, embedding, model) from stdin with (format binary)"


async def nearest(
    session: AsyncSession,
    vector: Vectors,
    *,
    model: str,
    limit: int,
    feed_id: uuid.UUID | None = None,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
) -> tuple[Nearest, ...]:
    """The `limit` chunks nearest to `vector` among those of `model`, nearest first.

    With a vector index this is approximate; without one every chunk of the model is compared, which is exact.
    """
    serving = await serving_index.use(session, limit)
    distance = serving.distance(vector)
    query = (
        select(
            ArticleEmbedding.article_id,
            distance.label("distance"),
            ArticleEmbedding.content.label("chunk"),
            Article.title,
            Article.url,
            Article.feed_id,
            Feed.title.label("feed_title"),
            Article.sort_at,
            Article.summary,
        )
        .join(Article, Article.id == ArticleEmbedding.article_id)
        .join(Feed, Feed.id == Article.feed_id)
        .where(ArticleEmbedding.model == model, serving.condition)
        .order_by(distance)
        .limit(limit)
    )
    if feed_id is not None:
        query = query.where(Article.feed_id == feed_id)
    if since is not None:
        query = query.where(Article.sort_at >= since)
    if until is not None:
        query = query.where(Article.sort_at < until)
    return tuple(Nearest(**row._mapping) for row in await session.execute(query))

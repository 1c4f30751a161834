"""Search by meaning: the words are embedded, and the articles with the nearest chunks are the answer."""

import datetime as dt
import uuid
from dataclasses import dataclass

from core.db import Database
from core.errors import BadRequest
from core.pipeline.models import Embedder
from core.pipeline.snippet import snippet
from core.queries import embeddings
from core.queries.embeddings import Nearest

MOST_HITS = 100
# What a person types; a longer text would be searched by its mean, which is near to everything.
MOST_CHARACTERS = 1_000
# Chunks that are asked for, for each article that is wanted: a long article may hold the nearest five itself.
CHUNKS_A_HIT = 4
MOST_CHUNKS = 1_000


@dataclass(frozen=True)
class SearchHit:
    """An article. `score` is the cosine of its best chunk with the words, -1 to 1, higher is nearer."""

    article_id: uuid.UUID
    title: str
    url: str | None
    feed_id: uuid.UUID
    feed_title: str
    published_at: dt.datetime
    score: float
    snippet: str
    summary: str | None


async def search(
    database: Database,
    embedder: Embedder,
    words: str,
    *,
    limit: int = 10,
    feed_id: uuid.UUID | None = None,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
) -> tuple[SearchHit, ...]:
    """Articles whose embeddings by the active model are nearest to `words`, best first, `limit` at most.

    Filters: one feed, published from `since` on, and before `until`. Raises BadRequest for words or a limit that make
    no sense, and what `Embedder.embed` raises.
    """
    if not any(character.isalnum() for character in words):
        raise BadRequest("Type some words to search for.")
    if len(words) > MOST_CHARACTERS:
        raise BadRequest(f"Search for at most {MOST_CHARACTERS:,} characters.")
    if not 1 <= limit <= MOST_HITS:
        raise BadRequest(f"Ask for 1 to {MOST_HITS} articles.")
    (vector,) = await embedder.embed([words])
    if not vector.any():
        return ()
    asked = min(limit * CHUNKS_A_HIT, MOST_CHUNKS)
    while True:
        async with database.session() as session:
            found = await embeddings.nearest(
                session, vector, model=embedder.model, limit=asked, feed_id=feed_id, since=since, until=until
            )
        best = _best_of_each(found)
        # All there is, or enough: otherwise a few long articles fill what was asked for.
        if len(best) >= limit or len(found) < asked or asked == MOST_CHUNKS:
            return tuple(_hit(chunk, words) for chunk in best[:limit])
        asked = min(asked * 4, MOST_CHUNKS)


def _best_of_each(found: tuple[Nearest, ...]) -> list[Nearest]:
    best: dict[uuid.UUID, Nearest] = {}
    for chunk in sorted(found, key=lambda chunk: chunk.distance):
        best.setdefault(chunk.article_id, chunk)
    return list(best.values())


def _hit(chunk: Nearest, words: str) -> SearchHit:
    return SearchHit(
        article_id=chunk.article_id,
        title=chunk.title,
        url=chunk.url,
        feed_id=chunk.feed_id,
        feed_title=chunk.feed_title,
        published_at=chunk.sort_at,
        score=1.0 - chunk.distance,
        snippet=snippet(chunk.chunk, words),
        summary=chunk.summary,
    )

"""Search from words to snippets, beside the same SQL typed by hand with the vector ready: p50 and p95."""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import psycopg
from pgvector.psycopg import register_vector, register_vector_async

from bench.ground import percentile, servers, table
from core.config import Settings
from core.db import Database
from core.demo.stories import TOPICS, story
from core.pipeline.models import Embedder, make_embedder
from core.pipeline.search import search

ARTICLES = 10_000
QUERIES = (
    "compiler optimisation",
    "ferry crossing to the harbour",
    "bread and butter",
    "distant galaxy survey",
    "night train delays",
    "vaccine trial side effects",
    "central bank interest rate",
    "bees and clover in the garden",
)
ROUNDS = 10

BY_HAND = """
select a.id, a.title, e.content, e.embedding <=> %(vector)b as distance
  from article_embeddings e join articles a on a.id = e.article_id join feeds f on f.id = a.feed_id
 where e.model = %(model)s order by distance limit 40
"""


async def load(url: str, embedder: Embedder) -> None:
    """ARTICLES invented articles, one chunk each, embedded by the offline model."""
    topics = list(TOPICS)
    told = [story(topics[n % len(topics)], n) for n in range(ARTICLES)]
    texts = [" ".join((s.title, *s.paragraphs)) for s in told]
    vectors = np.concatenate([await embedder.embed(texts[n : n + 500]) for n in range(0, ARTICLES, 500)])
    with psycopg.connect(url, autocommit=True) as connection:
        register_vector(connection)
        feed = connection.execute("insert into feeds (url, title) values ('http://x/', 'x') returning id").fetchone()
        rows = connection.execute(
            "insert into articles (feed_id, guid, title, text, content_hash, embedding_model) "
            "select %s, n, n, '', '', %s from generate_series(1, %s) n returning id",
            (feed[0] if feed else None, embedder.model, ARTICLES),
        ).fetchall()
        columns = "(article_id, chunk_index, content, embedding, model)"
        with connection.cursor().copy(f"copy article_embeddings {columns} from stdin with (format binary)") as copy:
            copy.set_types(["uuid", "int4", "text", "vector", "text"])
            for (article,), text, vector in zip(rows, texts, vectors, strict=True):
                copy.write_row((article, 0, text, vector, embedder.model))
        connection.execute("vacuum analyze")


async def ours(database: Database, embedder: Embedder) -> list[float]:
    """Milliseconds of each search."""
    taken = []
    for words in QUERIES * ROUNDS:
        started = time.perf_counter()
        found = await search(database, embedder, words)
        taken.append((time.perf_counter() - started) * 1000)
        if not found:
            raise RuntimeError(f"Nothing was found for {words!r}.")
    return taken


async def by_hand(url: str, embedder: Embedder) -> list[float]:
    """Milliseconds of each statement."""
    vectors = await embedder.embed(list(QUERIES))
    taken = []
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await register_vector_async(connection)
        for vector in list(vectors) * ROUNDS:
            started = time.perf_counter()
            found = await connection.execute(BY_HAND, {"vector": vector, "model": embedder.model})
            await found.fetchall()
            taken.append((time.perf_counter() - started) * 1000)
    return taken


async def measure(url: str) -> tuple[Sequence[float], Sequence[float]]:
    embedder = make_embedder(Settings(openai_api_key=None))
    await load(url, embedder)
    database = Database(url, application="bench")
    await ours(database, embedder)
    result = await ours(database, embedder), await by_hand(url, embedder)
    await database.close()
    await embedder.close()
    return result


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, servers(Path(folder)) as environment:
        searched, typed = asyncio.run(measure(environment["DATABASE_URL"]))
    p50, p95 = (percentile(typed, share) for share in (0.5, 0.95))
    rows = [("what", "p50 ms", "p95 ms", "of by hand")]
    for name, taken in (("the same SQL by hand, vector ready", typed), ("Signalist: words to snippets", searched)):
        middle, high = percentile(taken, 0.5), percentile(taken, 0.95)
        rows.append((name, f"{middle:.1f}", f"{high:.1f}", f"{middle / p50:.2f} / {high / p95:.2f}"))
    table(f"Search over {ARTICLES:,} chunks, exact scan", rows)


if __name__ == "__main__":
    main()

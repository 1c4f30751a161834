"""Search by meaning, on articles that the offline model has embedded."""

import datetime as dt
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import psycopg
import pytest

from core.db import Database
from core.errors import BadRequest
from core.models import DIMENSIONS
from core.pipeline.embed import embed_article
from core.pipeline.models import Vectors
from core.pipeline.offline import OfflineEmbedder
from core.pipeline.parsed import ParsedArticle, content_hash
from core.pipeline.search import search
from core.pipeline.snippet import snippet
from core.queries import crawls, feeds

NOW = dt.datetime(2026, 5, 17, 12, tzinfo=dt.UTC)
TEXTS = {
    "A faster compiler": "The new optimiser inlines small functions. Loops are unrolled, and dead code is removed.",
    "Soup for the winter": "Peel the carrots and the potatoes. Let the soup simmer for an hour, and add salt.",
    "The cup final": "The home team won the match by two goals. The crowd sang until midnight.",
    "A new telescope": "Astronomers have pointed the mirror at a distant galaxy. Its light is ten billion years old.",
}


@dataclass(frozen=True)
class Library:
    recipes: uuid.UUID
    other: uuid.UUID


@pytest.fixture
async def library(database: Database) -> Library:
    """Four articles in two feeds, a day apart, the compiler's the newest."""
    embedder = OfflineEmbedder()
    async with database.session() as session:
        recipes = (await feeds.add(session, "https://recipes.example/", title="Recipes")).id
        other = (await feeds.add(session, "https://other.example/", title="Other")).id
    for days, (title, words) in enumerate(TEXTS.items()):
        article = ParsedArticle(
            title,
            f"https://n.example/{days}",
            title,
            None,
            words,
            NOW - dt.timedelta(days=days),
            content_hash(title, words),
        )
        async with database.session() as session:
            found = await crawls.store(session, recipes if "Soup" in title else other, [article], NOW)
        await embed_article(found.new[0], database=database, embedder=embedder)
    return Library(recipes, other)


@pytest.mark.parametrize(
    ("words", "title"),
    [
        ("compiler optimisation", "A faster compiler"),
        ("cooking vegetables", "Soup for the winter"),
        ("football", "The cup final"),
        ("stars and galaxies", "A new telescope"),
    ],
)
@pytest.mark.usefixtures("library")
async def test_what_is_meant_is_found_first(database: Database, words: str, title: str) -> None:
    hits = await search(database, OfflineEmbedder(), words)
    assert hits[0].title == title
    assert len(hits) == 4
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert all(-1 <= score <= 1 for score in scores)


@pytest.mark.usefixtures("library")
async def test_a_hit_says_where_it_is_from_and_shows_why(database: Database) -> None:
    (hit,) = await search(database, OfflineEmbedder(), "unrolled loops", limit=1)
    assert (hit.title, hit.feed_title, hit.url) == ("A faster compiler", "Other", "https://n.example/0")
    assert hit.published_at == NOW
    assert hit.snippet == "Loops are unrolled, and dead code is removed."


async def test_filters_narrow_the_answer(database: Database, library: Library) -> None:
    embedder = OfflineEmbedder()
    in_feed = await search(database, embedder, "compiler", feed_id=library.recipes)
    assert [hit.title for hit in in_feed] == ["Soup for the winter"]
    recent = await search(database, embedder, "stars", since=NOW - dt.timedelta(days=1))
    assert {hit.title for hit in recent} == {"A faster compiler", "Soup for the winter"}
    earlier = await search(database, embedder, "stars", until=NOW - dt.timedelta(days=1))
    assert {hit.title for hit in earlier} == {"The cup final", "A new telescope"}


@dataclass
class Other:
    """Another model, which finds everything equally near."""

    model: str = "other"

    async def embed(self, texts: Sequence[str]) -> Vectors:
        return np.full((len(texts), DIMENSIONS), DIMENSIONS**-0.5, dtype=np.float32)

    async def close(self) -> None:
        return None


@pytest.mark.usefixtures("library")
async def test_two_models_never_mix(database: Database) -> None:
    assert await search(database, Other(), "compiler") == ()


@pytest.mark.parametrize(
    ("words", "limit"), [("", 10), ("  ", 10), ("?!", 10), ("x" * 1001, 10), ("fine", 0), ("fine", 101)]
)
async def test_what_makes_no_sense_is_said(database: Database, words: str, limit: int) -> None:
    with pytest.raises(BadRequest):
        await search(database, OfflineEmbedder(), words, limit=limit)


async def test_an_empty_library_has_no_hits(database: Database) -> None:
    assert await search(database, OfflineEmbedder(), "anything") == ()


async def test_one_long_article_does_not_crowd_out_the_others(database: Database) -> None:
    embedder = OfflineEmbedder()
    async with database.session() as session:
        feed = (await feeds.add(session, "https://news.example/")).id
        long = " ".join(f"The compiler is faster in version {n} because of its optimiser." for n in range(600))
        articles = [ParsedArticle("0", None, "Compilers", None, long, None, "0")] + [
            ParsedArticle(str(n), None, title, None, words, None, str(n))
            for n, (title, words) in enumerate(TEXTS.items(), 1)
        ]
        stored = await crawls.store(session, feed, articles, NOW)
    for article_id in stored.new:
        await embed_article(article_id, database=database, embedder=embedder)
    hits = await search(database, embedder, "compiler optimiser version", limit=5)
    assert len({hit.article_id for hit in hits}) == 5


async def test_twenty_thousand_chunks_without_an_index_answer_in_well_under_a_second(
    database: Database, database_url: str
) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            """
            insert into feeds (url) values ('https://news.example/');
            insert into articles (feed_id, guid, content_hash)
                select id, n::text, 'h' from feeds, generate_series(1, 5000) n;
            insert into article_embeddings (article_id, chunk_index, content, embedding, model)
                select id, chunk, 'A chunk.', (
                    select array_agg(sin(i * (guid::int + chunk * 7919))::real) || array_fill(0::real, array[1280])
                    from generate_series(1, 256) i
                )::vector, 'wordllama-256'
                from articles, generate_series(0, 3) chunk;
            analyze;
            """
        )
    embedder = OfflineEmbedder()
    await search(database, embedder, "warm up")
    times = []
    for words in ("compilers", "soup", "football", "stars", "a long question about nothing in particular"):
        started = time.perf_counter()
        assert len(await search(database, embedder, words)) == 10
        times.append(time.perf_counter() - started)
    assert sorted(times)[len(times) // 2] < 0.7


@pytest.mark.parametrize(
    ("chunk", "words", "shown"),
    [
        ("One thing. Compilers are fast. Another.", "compiler", "Compilers are fast. Another."),
        ("One thing. Another.", "nothing of it", "One thing. Another."),
        ("今日は。東京です。", "東京", "東京です。"),
        ("", "x", ""),
        ("y" * 400, "x", "y" * 279 + "…"),
    ],
)
def test_a_snippet_begins_with_the_sentence_that_fits_best(chunk: str, words: str, shown: str) -> None:
    assert snippet(chunk, words) == shown

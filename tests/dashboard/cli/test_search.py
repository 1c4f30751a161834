"""`signalist search`."""

import asyncio
import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from core.db import Database
from core.pipeline.embed import embed_article
from core.pipeline.offline import OfflineEmbedder
from core.pipeline.parsed import ParsedArticle, content_hash
from core.queries import crawls, feeds

Signalist = Callable[..., Any]
NOW = dt.datetime(2026, 5, 17, 12, tzinfo=dt.UTC)


async def store(database_url: str) -> None:
    """An article about compilers and one about soup, in one feed."""
    texts = {
        "A faster compiler": "The new optimiser inlines small functions. Loops are unrolled, and dead code is removed.",
        "Soup for the winter": "Peel the carrots and the potatoes. Let the soup simmer for an hour, and add salt.",
    }
    database = Database(database_url, application="test")
    async with database.session() as session:
        feed = await feeds.add(session, "https://news.example/", title="News")
    for title, words in texts.items():
        article = ParsedArticle(title, "https://news.example/1", title, None, words, NOW, content_hash(title, words))
        async with database.session() as session:
            stored = await crawls.store(session, feed.id, [article], NOW)
        await embed_article(stored.new[0], database=database, embedder=OfflineEmbedder())
    await database.close()


@pytest.fixture
def library(database_url: str) -> None:
    asyncio.run(store(database_url))


@pytest.mark.usefixtures("library")
def test_the_nearest_article_comes_first(signalist: Signalist) -> None:
    compiler, soup = signalist("search", "compiler optimisation", "--json").json
    assert (compiler["title"], soup["title"]) == ("A faster compiler", "Soup for the winter")
    assert 1 >= compiler["score"] > soup["score"]
    assert set(compiler) == {
        "article_id", "title", "url", "feed_id", "feed_title", "published_at", "score", "snippet", "summary",
    }  # fmt: skip
    table = signalist("search", "compiler", "optimisation", "--limit", "1").out
    assert "A faster compiler" in table
    assert "Soup" not in table


def test_an_empty_library_is_said_to_be_empty(signalist: Signalist) -> None:
    assert signalist("search", "anything", "--json").json == []
    assert signalist("search", "anything").out.startswith("Nothing was found")


def test_what_cannot_be_searched_for_is_wrong_usage(signalist: Signalist) -> None:
    assert signalist("search", "…").code == 2
    assert signalist("search", "x", "--limit", "0").code == 2


def test_a_model_without_its_key_is_one_sentence(signalist: Signalist, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMBEDDING_MODEL", "text-embedding-3-large")
    done = signalist("search", "x")
    assert done.code == 2
    assert done.err.startswith("EMBEDDING_MODEL: 'text-embedding-3-large' needs OPENAI_API_KEY.")

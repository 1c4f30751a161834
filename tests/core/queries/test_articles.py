"""Articles in pages, and what is left to do; none of it reads more articles when there are more."""

import datetime as dt
import hashlib
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import psycopg
import pytest
from sqlalchemy import text

from core.db import Database
from core.models import DIMENSIONS
from core.pipeline.parsed import ParsedArticle
from core.queries import articles, crawls, embeddings, feeds
from core.queries.articles import ArticleCursor

NOW = dt.datetime(2026, 5, 17, 12, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(days=1)
Scanned = Callable[[Callable[[Any], Awaitable[object]]], Awaitable[set[str]]]

# 10,000 articles of 40 feeds, half an hour apart; every hundredth waits for its embedding, some have an older model's.
MANY = """
    insert into feeds (id, url, title, article_count, next_due_at)
        select md5('feed' || n)::uuid, 'https://' || n || '.example/', 'Feed ' || n, 250, now() + n * interval '1 min'
        from generate_series(1, 40) n;
    insert into articles (id, feed_id, guid, title, text, content_hash, sort_at, created_at, updated_at,
                          embedding_model, summary_model, summary)
        select md5('article' || n)::uuid, md5('feed' || (n % 40 + 1))::uuid, n::text, 'Article ' || n, repeat('x', 500),
               'hash', at, at, at, model, model, 'summary'
        from (select n, timestamptz '2026-05-17 12:00Z' - n * interval '30 min' as at,
                     case when n % 100 = 0 then null when n % 100 = 1 then 'old' else 'active' end as model
              from generate_series(1, 10000) n) articles;
    insert into article_embeddings (article_id, chunk_index, content, embedding, model)
        select md5('article' || n)::uuid, 0, 'chunk', array_fill(0.1::real, array[1536])::vector, 'active'
        from generate_series(1, 1500) n;
    insert into failed_jobs (task_id, job_key, task, queue, args, kwargs, labels, attempts, exception, message,
                             fingerprint, reason)
        select n::text, 'generate_embeddings:' || md5('article' || n)::uuid, 'generate_embeddings', 'embed', '[]', '{}',
               '{}', '[]', 'E', 'm', 'f', 'r'
        from generate_series(9000, 10000, 100) n;
"""


def article_id(number: int) -> uuid.UUID:
    return uuid.UUID(hashlib.md5(f"article{number}".encode()).hexdigest())


def feed_id(number: int) -> uuid.UUID:
    return uuid.UUID(hashlib.md5(f"feed{number}".encode()).hexdigest())


@pytest.fixture
def many(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(MANY)
        connection.execute("vacuum analyze")


QUERIES: dict[str, Callable[[Any], Awaitable[object]]] = {
    "the newest page": articles.page,
    "a later page": lambda s: articles.page(s, after=ArticleCursor(NOW - dt.timedelta(days=100), uuid.UUID(int=1))),
    "one feed": lambda s: articles.page(s, feed_id=feed_id(7)),
    "since a day": lambda s: articles.page(s, since=NOW - dt.timedelta(days=1)),
    "words": lambda s: articles.page(s, words="Article 17"),
    "words that nobody wrote": lambda s: articles.page(s, words="nobody wrote this"),
    "words in one feed since a day": lambda s: articles.page(
        s, words="17", feed_id=feed_id(7), since=NOW - dt.timedelta(days=9)
    ),
    "one article": lambda s: articles.get(s, article_id(5)),
    "the content of one": lambda s: articles.content(s, article_id(5)),
    "the newest": articles.newest_at,
    "to embed": lambda s: articles.to_embed(s, "active", LATER, 100),
    "to summarise": lambda s: articles.to_summarise(s, "active", LATER, 100),
    "embedding progress": lambda s: articles.embedding_progress(s, "active"),
    "summary progress": lambda s: articles.summary_progress(s, "active"),
    "coverage": lambda s: embeddings.coverage(s, "active"),
    "a summary": lambda s: articles.summarised(s, article_id(5), content_hash="hash", model="m", summary="s"),
    "embeddings": lambda s: embeddings.replace(
        s,
        article_id(5),
        content_hash="hash",
        model="m",
        chunks=["one"],
        vectors=np.ones((1, DIMENSIONS), dtype=np.float32),
    ),
    "a crawl": lambda s: crawls.store(
        s,
        feed_id(7),
        [ParsedArticle(str(n), None, f"Changed {n}", None, "text", None, "other") for n in range(6, 10_000, 40)],
        NOW,
    ),
    "removing a feed": lambda s: feeds.remove(s, feed_id(7)),
}


@pytest.mark.usefixtures("many")
async def test_no_query_on_the_way_of_a_page_or_a_job_reads_all_articles(scanned: Scanned) -> None:
    found = {name: (await scanned(query)) & {"articles", "article_embeddings"} for name, query in QUERIES.items()}
    assert {name: tables for name, tables in found.items() if tables} == {}


@pytest.mark.usefixtures("many")
async def test_pages_follow_each_other_without_a_gap_or_a_repeat(database: Database) -> None:
    seen: list[uuid.UUID] = []
    after = None
    async with database.session() as session:
        while True:
            page = await articles.page(session, feed_id=feed_id(7), after=after, limit=90)
            seen += [row.id for row in page.rows]
            if page.next is None:
                break
            after = page.next
    assert seen == [article_id(n) for n in range(6, 10_000, 40)]


async def test_articles_of_the_same_instant_are_paged_as_well(database: Database) -> None:
    async with database.session() as session:
        feed = await feeds.add(session, "https://news.example/feed")
        same = [ParsedArticle(str(n), None, f"t{n}", None, "", NOW, str(n)) for n in range(25)]
        stored = await crawls.store(session, feed.id, same, NOW)
        seen, after = [], None
        for _ in range(3):
            page = await articles.page(session, after=after, limit=10)
            seen += [row.id for row in page.rows]
            after = page.next
    assert after is None
    assert sorted(seen) == sorted(stored.new)


@pytest.mark.usefixtures("many")
async def test_a_filter_by_words_looks_at_a_window_and_goes_on_from_there(database: Database) -> None:
    async with database.session() as session:
        first = await articles.page(session, words="ARTICLE 9999")
        assert first.rows == ()
        assert first.next is not None
        found, after, rounds = first.rows, first.next, 1
        while not found:
            page = await articles.page(session, words="ARTICLE 9999", after=after)
            found, after, rounds = page.rows, page.next, rounds + 1
    assert [row.title for row in found] == ["Article 9999"]
    assert rounds == 10_000 / articles.WINDOW


@pytest.mark.usefixtures("many")
async def test_words_with_a_percent_sign_are_words(database: Database) -> None:
    async with database.session() as session:
        assert (await articles.page(session, words="100%", feed_id=feed_id(7))).rows == ()
        assert (await articles.page(session, words="Article_6", feed_id=feed_id(7))).rows == ()


@pytest.mark.usefixtures("many")
async def test_what_is_left_to_do_is_of_every_other_model_and_longest_waiting_first(database: Database) -> None:
    waiting = [article_id(n) for n in range(10_000, 0, -1) if n % 100 in {0, 1}]
    async with database.session() as session:
        summaries = await articles.to_summarise(session, "active", LATER, 1000)
        again = await articles.to_reembed(session, "active", waiting[:3], 1000)
    assert list(summaries) == waiting
    assert list(again) == waiting[3:]


@pytest.mark.usefixtures("many")
async def test_what_another_model_embedded_is_left_to_a_person(database: Database) -> None:
    gave_up = {article_id(n) for n in range(9_000, 10_001, 100)}
    missing = [article_id(n) for n in range(10_000, 0, -1) if n % 100 == 0]
    async with database.session() as session:
        found = await articles.to_embed(session, "active", LATER, 1000)
        others = await articles.models_but(session, "active")
        extent = await articles.extent_to_reembed(session, "active")
    assert list(found) == [id_ for id_ in missing if id_ not in gave_up]
    assert others == ("old",)
    assert (extent.missing, extent.stale) == (100, 100)


@pytest.mark.usefixtures("many")
async def test_what_has_just_been_stored_is_left_to_its_own_job(database: Database) -> None:
    async with database.session() as session:
        found = await articles.to_embed(session, "active", NOW - dt.timedelta(minutes=30 * 5_000), 1000)
    assert article_id(5_100) in found
    assert article_id(4_900) not in found


@pytest.mark.usefixtures("many")
async def test_progress_says_how_much_waits_and_since_when(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async with database.session() as session:
        progress = await articles.embedding_progress(session, "active")
        assert (progress.waiting.value, progress.waiting.exact) == (200, True)
        assert progress.oldest_waiting_at == NOW - dt.timedelta(minutes=30 * 10_000)
        monkeypatch.setattr(articles, "COUNT_CAP", 150)
        capped = (await articles.embedding_progress(session, "active")).waiting
        assert (capped.value, capped.exact) == (150, False)
        coverage = await embeddings.coverage(session, "active")
        assert (coverage.articles, coverage.embedded.exact) == (10_000, False)


async def test_progress_of_nothing_is_complete(database: Database) -> None:
    async with database.session() as session:
        coverage = await embeddings.coverage(session, "active")
        assert await articles.newest_at(session) is None
        assert (await articles.page(session)).rows == ()
    assert (coverage.articles, coverage.waiting.value, coverage.oldest_waiting_at) == (0, 0, None)
    assert coverage.share is None


async def test_an_article_dated_tomorrow_does_not_stay_on_top(database: Database) -> None:
    async with database.session() as session:
        feed = await feeds.add(session, "https://news.example/feed")
        tomorrow = ParsedArticle("1", None, "Tomorrow", None, "", NOW + dt.timedelta(hours=20), "1")
        await crawls.store(session, feed.id, [tomorrow], NOW)
        later = ParsedArticle("2", None, "Later", None, "", None, "2")
        await crawls.store(session, feed.id, [tomorrow, later], NOW + dt.timedelta(hours=1))
        assert [row.title for row in (await articles.page(session)).rows] == ["Later", "Tomorrow"]
        found = (await session.execute(text("select published_at from articles where guid = '1'"))).scalar_one()
    assert found == NOW + dt.timedelta(hours=20)

"""The demo's feeds grow, hold still between two crawls, and break in the ways that they say."""

import datetime as dt
from collections.abc import AsyncIterator

import feedparser
import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from core.config import LOCAL_EMBEDDING_MODEL
from core.db import Database
from core.demo.feed_server import SHOWN, FeedServer, addresses, rss
from core.demo.library import INDEXED, LATER
from core.demo.seed import seed
from core.demo.stories import TOPICS, story
from core.indexes import sizing
from core.queries import embeddings, failed_summary, feeds, samples, vector_index


@pytest.fixture
async def server() -> AsyncIterator[TestServer]:
    async with TestServer(FeedServer().app()) as running:
        yield running


async def test_every_topic_has_a_feed_that_a_reader_understands(server: TestServer) -> None:
    async with ClientSession() as http:
        for url in addresses(server.port or 0)[: len(TOPICS)]:
            async with http.get(url) as answer:
                parsed = feedparser.parse(await answer.read())
            assert not parsed.bozo
            assert len(parsed.entries) == SHOWN


async def test_an_unchanged_feed_answers_not_modified(server: TestServer) -> None:
    url = addresses(server.port or 0)[0]
    async with ClientSession() as http:
        async with http.get(url) as first:
            etag = first.headers["ETag"]
        async with http.get(url, headers={"If-None-Match": etag}) as second:
            assert second.status in {304, 200}
            assert second.status == 304 or second.headers["ETag"] != etag


def test_a_story_keeps_its_text_and_its_date_when_a_newer_one_appears() -> None:
    topic = next(iter(TOPICS))
    before = {e.id: (e.title, e.published) for e in feedparser.parse(rss(topic, 1000, "http://x")).entries}
    after = {e.id: (e.title, e.published) for e in feedparser.parse(rss(topic, 1001, "http://x")).entries}
    assert len(before.keys() & after.keys()) == SHOWN - 1
    assert all(before[key] == after[key] for key in before.keys() & after.keys())
    assert story(topic, 7) == story(topic, 7)


async def test_the_broken_feeds_are_broken_as_they_say(server: TestServer) -> None:
    async with ClientSession() as http:
        for name, status in (("overloaded", 503), ("crashing", 500), ("gone", 410), ("not-a-feed", 200)):
            async with http.get(server.make_url(f"/broken/{name}")) as answer:
                assert answer.status == status


async def test_seeding_twice_adds_nothing_twice(database: Database) -> None:
    now = dt.datetime.now(dt.UTC)
    await seed(database, 9999, now)
    await seed(database, 9999, now)
    async with database.session() as session:
        assert (await feeds.counts(session)).total == len(addresses(9999))
        assert len(await samples.since(session, now - dt.timedelta(hours=2))) == 240
        failed = await failed_summary.read(session)
        table = await vector_index.read(session)
        library = await embeddings.coverage(session, LOCAL_EMBEDDING_MODEL)
    assert (failed.open.value, failed.causes.value) == (70, 3)
    assert library.articles == len(TOPICS) * (INDEXED + LATER)
    assert library.embedded.value == len(TOPICS) * INDEXED
    # Once the workers have embedded the rest, a rebuild is proposed.
    index = table.serving
    assert index is not None
    assert index.valid
    assert index.build is not None
    assert sizing.outgrown(library.articles, index.shape, index.build.rows)

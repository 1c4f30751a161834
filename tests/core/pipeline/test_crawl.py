"""One crawl after the other, as the person who looks at the page of feeds sees them."""

import asyncio
import datetime as dt
import json
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from sqlalchemy import text

from core.db import Database
from core.errors import DatabaseUnavailable, FeedUnreachable, RetryLater
from core.pipeline import fetch as fetching
from core.pipeline.crawl import CrawlOutcome, crawl
from core.pipeline.parser import Parser
from core.queries import articles, feeds
from core.queries.feeds import FeedRow

NOW = dt.datetime(2026, 5, 17, 12, tzinfo=dt.UTC)
HALF_AN_HOUR = dt.timedelta(minutes=30)
Crawl = Callable[..., Awaitable[CrawlOutcome]]


def rss(*items: tuple[str, str], channel: str = "<title>News</title><link>https://news.example/</link>") -> str:
    listed = "".join(
        f"<item><guid isPermaLink='false'>{guid}</guid><title>{title}</title><description>About {title}</description>"
        f"<link>https://news.example/{guid}</link></item>"
        for guid, title in items
    )
    return f"<rss version='2.0'><channel>{channel}{listed}</channel></rss>"


TWO = rss(("1", "One"), ("2", "Two"))


@pytest.fixture
def crawls(database: Database, http: aiohttp.ClientSession, parser: Parser) -> Crawl:
    async def go(feed_id: uuid.UUID, now: dt.datetime = NOW) -> CrawlOutcome:
        return await crawl(feed_id, database=database, http=http, parser=parser, now=now)

    return go


async def added(database: Database, url: str, interval_s: int = 1800) -> uuid.UUID:
    async with database.session() as session:
        found = await feeds.add(session, url, interval_s=interval_s)
        await session.execute(text("update feeds set next_due_at = :now"), {"now": NOW - HALF_AN_HOUR})
    return found.id


async def shown(database: Database, feed_id: uuid.UUID) -> FeedRow:
    async with database.session() as session:
        row = await feeds.get(session, feed_id)
    assert row is not None
    return row


async def titles(database: Database, feed_id: uuid.UUID) -> dict[str, uuid.UUID]:
    async with database.session() as session:
        return {row.title: row.id for row in (await articles.page(session, feed_id=feed_id)).rows}


def about(due: dt.datetime, wait: dt.timedelta, now: dt.datetime = NOW) -> bool:
    return now + wait * 0.9 <= due <= now + wait * 1.1


async def test_the_first_crawl_brings_everything(database: Database, site: Any, crawls: Crawl) -> None:
    feed_id = await added(database, site.says("/feed", TWO, ETag='"1"'))
    outcome = await crawls(feed_id)
    assert len(outcome.new) == 2
    assert outcome.changed == ()
    feed = await shown(database, feed_id)
    assert (feed.title, feed.site_url) == ("News", "https://news.example/")
    assert feed.last_result == outcome.result == "2 articles, 2 new"
    assert (feed.article_count, feed.last_error, feed.errors_in_row) == (2, None, 0)
    assert (feed.last_crawled_at, feed.last_success_at) == (NOW, NOW)
    assert about(feed.next_due_at, HALF_AN_HOUR)
    found = await titles(database, feed_id)
    assert set(found.values()) == set(outcome.new)
    async with database.session() as session:
        article = await articles.get(session, found["One"])
    assert article is not None
    assert (article.text, article.url) == ("About One", "https://news.example/1")


async def test_a_second_crawl_of_the_same_writes_no_article(database: Database, site: Any, crawls: Crawl) -> None:
    feed_id = await added(database, site.says("/feed", TWO))
    await crawls(feed_id)
    before = await _rows(database)
    outcome = await crawls(feed_id, NOW + HALF_AN_HOUR)
    assert (outcome.new, outcome.changed, outcome.result) == ((), (), "2 articles, nothing new")
    assert await _rows(database) == before


async def _rows(database: Database) -> list[object]:
    async with database.session() as session:
        # The version of each row: a write of the same values would show.
        return list((await session.execute(text("select xmin, ctid, articles from articles order by id"))).all())


async def test_a_server_that_knows_the_version_sends_nothing(database: Database, site: Any, crawls: Crawl) -> None:
    async def answer(request: web.Request) -> web.Response:
        same = request.headers.get("If-None-Match") == '"1"'
        return web.Response(status=304 if same else 200, text=TWO, headers={"ETag": '"1"'})

    site.answers["/feed"] = answer
    feed_id = await added(database, site.url("/feed"))
    await crawls(feed_id)
    outcome = await crawls(feed_id, NOW + HALF_AN_HOUR)
    assert outcome.result == "not modified"
    feed = await shown(database, feed_id)
    assert (feed.last_result, feed.last_success_at) == ("not modified", NOW + HALF_AN_HOUR)
    assert about(feed.next_due_at, HALF_AN_HOUR, NOW + HALF_AN_HOUR)


@pytest.mark.parametrize("name", ["ETag", "Last-Modified"])
async def test_a_version_that_is_no_text_is_not_kept(database: Database, crawls: Crawl, name: str) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(TWO)}\r\nConnection: close\r\n{name}: ".encode()
        writer.write(head + b'"\xff"\r\n\r\n' + TWO.encode())
        await writer.drain()
        writer.close()

    asked: list[bytes] = []
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        feed_id = await added(database, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        assert (await crawls(feed_id)).result == "2 articles, 2 new"
        assert (await crawls(feed_id, NOW + HALF_AN_HOUR)).result == "2 articles, nothing new"
    assert len(asked) == 2
    assert b"If-" not in asked[1]


async def test_a_changed_article_is_new_to_the_models(database: Database, site: Any, crawls: Crawl) -> None:
    feed_id = await added(database, site.says("/feed", TWO))
    await crawls(feed_id)
    async with database.session() as session:
        await session.execute(text("update articles set embedding_model = 'm', summary_model = 'm', summary = 's'"))
    site.says("/feed", rss(("1", "One, corrected"), ("2", "Two"), ("3", "Three")))
    outcome = await crawls(feed_id, NOW + HALF_AN_HOUR)
    found = await titles(database, feed_id)
    assert outcome.result == "3 articles, 1 new, 1 changed"
    assert (outcome.new, outcome.changed) == ((found["Three"],), (found["One, corrected"],))
    async with database.session() as session:
        changed = await articles.get(session, found["One, corrected"])
        same = await articles.get(session, found["Two"])
    assert changed is not None
    assert same is not None
    assert (changed.embedding_model, changed.summary_model, changed.summary) == (None, None, "s")
    assert (changed.updated_at, changed.created_at) == (NOW + HALF_AN_HOUR, NOW)
    assert (same.embedding_model, same.updated_at) == ("m", NOW)
    assert (await shown(database, feed_id)).article_count == 3


async def test_another_link_is_stored_but_costs_no_embedding(database: Database, site: Any, crawls: Crawl) -> None:
    feed_id = await added(database, site.says("/feed", TWO))
    await crawls(feed_id)
    site.says("/feed", TWO.replace("news.example/1<", "news.example/moved<"))
    outcome = await crawls(feed_id, NOW + HALF_AN_HOUR)
    assert (outcome.new, outcome.changed) == ((), ())
    async with database.session() as session:
        article = await articles.get(session, (await titles(database, feed_id))["One"])
    assert article is not None
    assert (article.url, article.updated_at) == ("https://news.example/moved", NOW)


async def test_an_article_that_left_the_feed_stays(database: Database, site: Any, crawls: Crawl) -> None:
    feed_id = await added(database, site.says("/feed", TWO))
    await crawls(feed_id)
    site.says("/feed", rss(("2", "Two")))
    await crawls(feed_id, NOW + HALF_AN_HOUR)
    assert set(await titles(database, feed_id)) == {"One", "Two"}
    assert (await shown(database, feed_id)).article_count == 2


async def test_a_feed_with_a_longer_ttl_than_ours_is_left_alone_for_it(
    database: Database, site: Any, crawls: Crawl
) -> None:
    feed_id = await added(database, site.says("/feed", rss(channel="<title>News</title><ttl>120</ttl>")))
    await crawls(feed_id)
    assert about((await shown(database, feed_id)).next_due_at, dt.timedelta(hours=2))


async def test_a_feed_that_is_gone_is_switched_off_and_says_why(database: Database, site: Any, crawls: Crawl) -> None:
    feed_id = await added(database, site.says("/feed", status=410))
    outcome = await crawls(feed_id)
    feed = await shown(database, feed_id)
    assert not feed.enabled
    assert feed.disabled_reason == outcome.error == "The server says that this feed is gone for good (410)."
    assert (await crawls(feed_id)).result == "Not crawled: it was removed or switched off."
    assert len(site.requests) == 1


async def test_a_feed_that_moved_for_good_is_asked_there_from_now_on(
    database: Database, site: Any, crawls: Crawl
) -> None:
    feed_id = await added(database, site.says("/old", status=301, Location="/new"))
    new = site.says("/new", TWO)
    outcome = await crawls(feed_id)
    feed = await shown(database, feed_id)
    assert feed.url == new
    assert outcome.result == f"2 articles, 2 new; moved to {new}"
    await crawls(feed_id, NOW + HALF_AN_HOUR)
    assert [request.path for request in site.requests] == ["/old", "/new", "/new"]


async def test_a_feed_that_moves_onto_another_one_says_so(database: Database, site: Any, crawls: Crawl) -> None:
    new = site.says("/new", TWO)
    other = await added(database, new)
    feed_id = await added(database, site.says("/old", status=308, Location="/new"))
    outcome = await crawls(feed_id)
    feed = await shown(database, feed_id)
    assert feed.url == site.url("/old")
    assert (
        feed.last_result
        == outcome.result
        == f"2 articles, 2 new; it moved to {new}, which is another feed here: remove one of the two"
    )
    assert (await shown(database, other)).url == new


async def test_two_feeds_that_swap_places_do_not_wait_for_each_other(
    database: Database, site: Any, crawls: Crawl
) -> None:
    a, b = await added(database, site.says("/a", status=301, Location="/b-new")), await added(database, site.url("/b"))
    site.says("/b", status=301, Location="/a-new")
    site.says("/a-new", status=301, Location="/a")
    site.says("/b-new", TWO)
    site.says("/a", TWO)
    outcomes = await asyncio.wait_for(asyncio.gather(*(crawls(one) for one in (a, b) * 5)), timeout=20)
    assert len(outcomes) == 10


async def test_a_page_that_names_a_feed_becomes_that_feed(database: Database, site: Any, crawls: Crawl) -> None:
    page = "<html><head><link rel='alternate' type='application/rss+xml' href='/feed'></head></html>"
    feed_id = await added(database, site.says("/", page))
    feed = site.says("/feed", TWO)
    outcome = await crawls(feed_id)
    assert outcome.result == f"2 articles, 2 new; moved to {feed}"
    assert (await shown(database, feed_id)).url == feed


async def test_a_page_that_names_a_private_feed_sends_nobody_there(
    database: Database, site: Any, parser: Parser, trap: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The site counts as public, for this test; the trap is reached by another name of the same machine.
    monkeypatch.setattr(fetching, "is_public", lambda address: address == "127.0.0.1")
    link = f"<link rel='alternate' type='application/rss+xml' href='http://127.0.0.2:{trap.port}/feed'>"
    feed_id = await added(database, site.says("/", f"<html><head>{link}</head></html>"))
    async with fetching.open_session(allow_private=False) as http:
        outcome = await crawl(feed_id, database=database, http=http, parser=parser, now=NOW)
    assert "127.0.0.2 is an address inside a private network" in outcome.error
    assert trap.connections == 0


@pytest.mark.parametrize(
    ("page", "sentence"),
    [
        ("<html>Hello</html>", "That address is a web page, not a feed, and names none."),
        ("Hello", "What that address answers is not a feed."),
        (
            "<html><link rel='alternate' type='application/rss+xml' href='/'></html>",
            "The page names {base}/ as its feed, but that is not one.",
        ),
        (
            "<html><link rel='alternate' type='application/rss+xml' href='/none'></html>",
            "127.0.0.1 answered 404 Not Found.",
        ),
    ],
)
async def test_what_is_no_feed_is_recorded_and_not_tried_again_at_once(
    database: Database, site: Any, crawls: Crawl, page: str, sentence: str
) -> None:
    feed_id = await added(database, site.says("/", page))
    outcome = await crawls(feed_id)
    feed = await shown(database, feed_id)
    assert feed.last_error == outcome.error == sentence.format(base=site.base)
    assert (feed.errors_in_row, feed.last_success_at) == (1, None)
    assert about(feed.next_due_at, HALF_AN_HOUR)


async def test_each_failure_in_a_row_doubles_the_wait_up_to_a_day(database: Database, site: Any, crawls: Crawl) -> None:
    feed_id = await added(database, site.says("/feed", status=404))
    now = NOW
    for hours in (0.5, 1, 2, 4, 8, 16, 24, 24):
        await crawls(feed_id, now)
        feed = await shown(database, feed_id)
        assert about(feed.next_due_at, dt.timedelta(hours=hours), now)
        now = feed.next_due_at
    assert feed.errors_in_row == 8
    site.says("/feed", TWO)
    await crawls(feed_id, now)
    feed = await shown(database, feed_id)
    assert (feed.errors_in_row, feed.last_error) == (0, None)
    assert about(feed.next_due_at, HALF_AN_HOUR, now)


async def test_the_attempts_of_one_job_are_one_failure_of_the_feed(
    database: Database, site: Any, crawls: Crawl
) -> None:
    feed_id = await added(database, site.says("/feed", status=500))
    for seconds in (0, 1, 3, 7):
        with pytest.raises(FeedUnreachable):
            await crawls(feed_id, NOW + dt.timedelta(seconds=seconds))
    feed = await shown(database, feed_id)
    assert (feed.errors_in_row, feed.last_error) == (1, "127.0.0.1 answered 500 Internal Server Error.")


async def test_a_busy_server_is_asked_again_when_it_said(database: Database, site: Any, crawls: Crawl) -> None:
    feed_id = await added(database, site.says("/feed", status=429, Retry_After="60"))
    with pytest.raises(RetryLater) as busy:
        await crawls(feed_id)
    assert busy.value.retry_after == 60
    assert "429" in str((await shown(database, feed_id)).last_error)


async def test_a_server_that_wants_hours_gets_them_without_a_job_that_waits(
    database: Database, site: Any, crawls: Crawl
) -> None:
    feed_id = await added(database, site.says("/feed", status=503, Retry_After="7200"))
    outcome = await crawls(feed_id)
    assert "503" in outcome.error
    assert (await shown(database, feed_id)).next_due_at >= NOW + dt.timedelta(hours=2)


async def test_a_crawl_that_never_returns_does_not_leave_the_feed_due(
    database: Database, site: Any, crawls: Crawl
) -> None:
    reached = asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        reached.set()
        await asyncio.Event().wait()
        return web.Response()

    site.answers["/feed"] = hang
    feed_id = await added(database, site.url("/feed"))
    killed = asyncio.create_task(_forever(crawls, feed_id))
    await asyncio.wait_for(reached.wait(), 5)
    async with database.session() as session:
        assert await feeds.due(session, NOW + dt.timedelta(minutes=29), 10) == ()
        assert await feeds.due(session, NOW + dt.timedelta(minutes=31), 10) == (feed_id,)
    killed.cancel()


async def _forever(crawls: Crawl, feed_id: uuid.UUID) -> None:
    await crawls(feed_id)


async def test_overlapping_crawls_store_everything_once(database: Database, site: Any, crawls: Crawl) -> None:
    document = rss(*((str(n), f"Article {n}") for n in range(200)))
    feed_id = await added(database, site.says("/feed", document))
    outcomes = await asyncio.gather(*(crawls(feed_id) for _ in range(8)))
    assert sorted(len(outcome.new) for outcome in outcomes) == [0] * 7 + [200]
    async with database.session() as session:
        assert (await session.execute(text("select count(*) from articles"))).scalar_one() == 200
    assert (await shown(database, feed_id)).article_count == 200


async def test_a_feed_that_is_removed_while_it_is_crawled_leaves_nothing(
    database: Database, site: Any, crawls: Crawl
) -> None:
    async def answer(_: web.Request) -> web.Response:
        async with database.session() as session:
            await feeds.remove(session, feed_id)
        return web.Response(text=TWO)

    site.answers["/feed"] = answer
    feed_id = await added(database, site.url("/feed"))
    outcome = await crawls(feed_id)
    assert (outcome.new, outcome.result) == ((), "Not stored: the feed was removed meanwhile.")
    assert (await crawls(feed_id)).result == "Not crawled: it was removed or switched off."


async def test_what_postgres_cannot_hold_is_taken_out(database: Database, site: Any, crawls: Crawl) -> None:
    items = [
        {"id": "a\u0000b", "title": "nul \u0000", "content_text": "x\u0000y", "authors": [{"name": "\u0000"}]},
        {
            "id": "c",
            "title": "lone \ud83d surrogate",
            "content_html": "<p>\ud800</p>",
            "url": "https://n.example/\ud800",
        },
        {"id": "d" * 10_000, "title": "t" * 10_000, "content_text": "long " * 50_000},
    ]
    body = json.dumps({"version": "https://jsonfeed.org/version/1.1", "items": items})
    outcome = await crawls(feed_id := await added(database, site.says("/feed", body)))
    assert len(outcome.new) == 3
    assert {"nul", "lone surrogate"} < set(await titles(database, feed_id))


async def test_a_lost_database_is_no_fault_of_the_feed(
    database: Database, database_url: str, site: Any, http: aiohttp.ClientSession, parser: Parser
) -> None:
    feed_id = await added(database, site.says("/feed", TWO))
    away = Database(database_url.replace("signalist_test", "not_there"), application="test")
    with pytest.raises(DatabaseUnavailable):
        await crawl(feed_id, database=away, http=http, parser=parser, now=NOW)
    await away.close()
    feed = await shown(database, feed_id)
    assert (feed.last_error, feed.errors_in_row) == (None, 0)

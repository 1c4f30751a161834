"""What people do to feeds: every face does it through these, on the real servers."""

import datetime as dt
import uuid

import psycopg
import pytest
from redis.asyncio import Redis

from core import feeds, queues
from core.access import Role, User
from core.db import Database
from core.errors import BadRequest, Forbidden, NotFound
from core.feeds import Wanted
from core.queries import feeds as stored

OPERATOR = User(id=None, name="otto", role=Role.OPERATOR)
VIEWER = User(id=None, name="vera", role=Role.VIEWER)
NOW = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)


@pytest.fixture
async def redis(redis_url: str):
    client = queues.connect(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
async def no_redis():
    client = queues.connect("redis://127.0.0.1:1/0")
    yield client
    await client.aclose()


async def waiting(redis: Redis) -> int:
    return {depth.name: depth.waiting for depth in await queues.depths(redis, NOW)}["crawl"]


async def add(database: Database, redis: Redis, *urls: str) -> feeds.Added:
    return await feeds.add(database, redis, OPERATOR, "cli", [Wanted(url) for url in urls], now=NOW)


async def test_each_address_is_told_what_became_of_it(database: Database, redis: Redis) -> None:
    await add(database, redis, "https://example.org/old")
    added = await add(
        database, redis, "example.org/new", "https://example.org/old", "ftp://example.org", "example.org/new#twice"
    )
    assert len(added.created) == 1
    assert added.present == ("https://example.org/old",)
    assert [(refused.given, refused.reason) for refused in added.refused] == [
        ("ftp://example.org", "ftp: addresses cannot be crawled, only http and https.")
    ]
    assert added.crawls.sentence == "1 feed queued."
    assert await waiting(redis) == 2


async def test_a_password_in_an_address_stays_out_of_the_record(
    database: Database, redis: Redis, database_url: str
) -> None:
    await add(database, redis, "https://me:hunter2@example.org/feed")
    with psycopg.connect(database_url) as connection:
        row = connection.execute("select target, details::text, actor from records").fetchone()
    assert row is not None
    assert row[0] == "https://example.org/feed"
    assert "hunter2" not in row[1]
    assert row[2] == "otto"


async def test_nothing_to_add_and_too_much_to_add_are_refused(database: Database, redis: Redis) -> None:
    with pytest.raises(BadRequest, match="no address"):
        await add(database, redis)
    with pytest.raises(BadRequest, match="10,000 can be added"):
        await feeds.add(database, redis, OPERATOR, "cli", [Wanted("example.org")] * 10_001, now=NOW)


async def test_a_second_wish_to_crawl_says_that_it_waits_already(database: Database, redis: Redis) -> None:
    added = await add(database, redis, "https://example.org/a", "https://example.org/b")
    assert added.crawls.sentence == "2 feeds queued."
    again = await feeds.crawl_now(database, redis, OPERATOR, "browser", added.created[:1], now=NOW)
    assert again.sentence == "1 feed waited already."
    assert (await feeds.crawl_all(database, redis, OPERATOR, "browser", now=NOW)).sentence == "2 feeds waited already."
    assert await waiting(redis) == 2


async def test_a_disabled_feed_is_not_crawled(database: Database, redis: Redis) -> None:
    added = await add(database, redis, "https://example.org/a")
    await redis.flushall()
    assert await feeds.disable(database, OPERATOR, "browser", added.created, now=NOW) == 1
    crawls = await feeds.crawl_now(database, redis, OPERATOR, "browser", added.created, now=NOW)
    assert crawls.sentence == "There is no enabled feed to crawl."
    assert await waiting(redis) == 0
    assert (await feeds.enable(database, redis, OPERATOR, "browser", added.created, now=NOW)).accepted == 1


async def test_with_redis_away_feeds_are_added_and_wait(database: Database, no_redis: Redis) -> None:
    added = await add(database, no_redis, "https://example.org/a")
    assert added.crawls.sentence == "1 feed will be queued when Redis is back."
    async with database.session() as session:
        assert await stored.due(session, dt.datetime.now(dt.UTC), 10) == added.created


async def test_a_shorter_interval_brings_the_next_crawl_forward(database: Database, redis: Redis) -> None:
    (feed,) = (await add(database, redis, "https://example.org/a")).created
    hour = dt.timedelta(hours=1)
    await feeds.set_interval(database, OPERATOR, "browser", feed, hour, now=NOW)
    async with database.session() as session:
        row = await stored.get(session, feed)
    assert row is not None
    assert row.interval_s == 3600
    assert row.next_due_at <= NOW + hour
    with pytest.raises(BadRequest, match="between 5 min and 7 d"):
        await feeds.set_interval(database, OPERATOR, "browser", feed, dt.timedelta(seconds=1), now=NOW)
    with pytest.raises(NotFound):
        await feeds.set_interval(database, OPERATOR, "browser", uuid.uuid4(), hour, now=NOW)


async def test_a_removed_feed_is_gone_and_the_record_says_what_it_was(
    database: Database, redis: Redis, database_url: str
) -> None:
    (feed,) = (await add(database, redis, "https://example.org/a")).created
    removed = await feeds.remove(database, OPERATOR, "browser", feed)
    assert removed.url == "https://example.org/a"
    with pytest.raises(NotFound, match="removed it already"):
        await feeds.remove(database, OPERATOR, "browser", feed)
    with psycopg.connect(database_url) as connection:
        details = connection.execute("select details, outcome from records order by id desc limit 2").fetchall()
    assert details[1][0]["url"] == "https://example.org/a"
    assert [row[1] for row in details] == ["failed", "done"]


async def test_a_viewer_changes_nothing(database: Database, redis: Redis) -> None:
    with pytest.raises(Forbidden):
        await feeds.add(database, redis, VIEWER, "browser", [Wanted("example.org")], now=NOW)
    with pytest.raises(Forbidden):
        await feeds.crawl_all(database, redis, VIEWER, "browser", now=NOW)
    with pytest.raises(Forbidden):
        await feeds.remove(database, VIEWER, "browser", uuid.uuid4())
    assert await waiting(redis) == 0

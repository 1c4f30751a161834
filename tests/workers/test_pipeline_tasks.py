"""The pipeline through the real broker: a feed is added, and its articles can be searched."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import psycopg
import pytest
from aiohttp import web
from pydantic import SecretStr
from redis.asyncio import Redis
from taskiq.receiver import Receiver

from core.config import Settings
from core.db import Database
from core.failed_jobs import decision
from core.indexes import map as article_map
from core.models import FailedJob
from core.pipeline.crawl import CrawlOutcome
from core.pipeline.follow_up import follow_up
from core.queries import articles, embeddings, feeds
from core.queues import QueueDepth, connect, crawl_feed, enqueue, generate_embeddings, generate_summary, tallies
from core.queues.jobs import measure_index
from workers.app import make_broker

ITEMS = "".join(
    f"<item><guid isPermaLink='false'>{n}</guid><title>Article {n}</title>"
    f"<description>{f'A sentence about the number {n}, which is a long one. ' * 10}</description></item>"
    for n in range(30)
)
FEED = f"<rss version='2.0'><channel><title>News</title>{ITEMS}</channel></rss>"
Depth = Callable[[str], Awaitable[QueueDepth]]
Failed = Callable[[], Awaitable[list[FailedJob]]]


@pytest.fixture
async def address() -> AsyncIterator[str]:
    """A server with a feed at /feed, and trouble at /broken."""
    app = web.Application()
    app.router.add_get("/{path}", _answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def _answer(request: web.Request) -> web.Response:
    status = {"feed": 200, "broken": 500}.get(request.match_info["path"], 404)
    return web.Response(status=status, text=FEED)


@pytest.fixture
async def running(database_url: str, redis_url: str) -> AsyncIterator[None]:
    """A worker process as `signalist worker` makes it, inside the test."""
    settings = Settings(  # type: ignore[call-arg]
        _env_file=None,
        database_url=SecretStr(database_url),
        redis_url=SecretStr(redis_url),
        crawler_allow_private=True,
    )
    broker = make_broker(settings, slots=4)
    broker.is_worker_process = True
    finish = asyncio.Event()
    receiver = Receiver(broker, max_async_tasks=4, wait_tasks_timeout=0.2, validate_params=True)
    listening = asyncio.create_task(receiver.listen(finish))
    yield
    finish.set()
    await listening
    await broker.shutdown()


async def added(database: Database, url: str) -> uuid.UUID:
    async with database.session() as session:
        return (await feeds.add(session, url)).id


@pytest.mark.usefixtures("running")
async def test_a_feed_that_is_crawled_ends_up_embedded_and_summarised(
    database: Database, redis: Redis, address: str, until: Any, depth: Depth, failed: Failed
) -> None:
    feed_id = await added(database, f"{address}/feed")
    await enqueue(redis, crawl_feed(feed_id))

    async def all_done() -> bool:
        async with database.session() as session:
            coverage = await embeddings.coverage(session, "wordllama-256")
            summaries = await articles.summary_progress(session, "extractive")
        return coverage.articles == 30 and not coverage.waiting.value and not summaries.waiting.value

    await until(all_done, within=30)
    for queue in ("crawl", "embed", "summarise"):
        await until(lambda queue=queue: _is_empty(depth, queue))
    drawn = await until(lambda: article_map.latest(redis, "wordllama-256"))
    assert len(drawn.articles) == 30
    assert await failed() == []
    counted = await tallies.read(redis)
    assert counted.crawls == {"new": 1}
    assert counted.ran["embed"].cumulative[-1] == counted.waited["summarise"].cumulative[-1] == 30
    assert counted.ran["crawl"].total_s > 0


async def _is_empty(depth: Depth, queue: str) -> bool:
    found = await depth(queue)
    return not (found.waiting or found.running or found.delayed)


@pytest.mark.usefixtures("running")
async def test_a_feed_that_is_not_there_is_no_failed_job(
    database: Database, redis: Redis, address: str, until: Any, depth: Depth, failed: Failed
) -> None:
    feed_id = await added(database, f"{address}/none")
    await enqueue(redis, crawl_feed(feed_id))

    async def recorded() -> bool:
        async with database.session() as session:
            feed = await feeds.get(session, feed_id)
        return feed is not None and feed.last_error is not None

    await until(recorded)
    await until(lambda: _is_empty(depth, "crawl"))
    assert await failed() == []


@pytest.mark.usefixtures("running")
async def test_a_server_in_trouble_is_tried_four_times_and_is_one_failure_of_the_feed(
    database: Database, redis: Redis, address: str, until: Any, failed: Failed, monkeypatch: pytest.MonkeyPatch
) -> None:
    # test_attempts waits for the real ones.
    monkeypatch.setattr(decision, "BACKOFF_S", (0.1, 0.1, 0.1))
    feed_id = await added(database, f"{address}/broken")
    await enqueue(redis, crawl_feed(feed_id))
    (job,) = await until(failed, within=20)
    assert job.exception.endswith("FeedUnreachable")
    assert len(job.attempts) == 4
    async with database.session() as session:
        feed = await feeds.get(session, feed_id)
    assert feed is not None
    assert (feed.errors_in_row, feed.last_error) == (1, "127.0.0.1 answered 500 Internal Server Error.")


async def test_what_is_new_or_changed_is_asked_for_once(redis: Redis, depth: Depth) -> None:
    new, changed = tuple(uuid.uuid4() for _ in range(100)), (uuid.uuid4(),)
    outcome = CrawlOutcome(uuid.uuid4(), new, changed)
    assert await follow_up(redis, outcome) == 202
    assert await follow_up(redis, outcome) == 0
    assert ((await depth("embed")).waiting, (await depth("summarise")).waiting) == (101, 101)
    assert await enqueue(redis, generate_embeddings(new[0])) is None
    assert await enqueue(redis, generate_summary(changed[0])) is None


async def test_a_crawl_succeeds_while_redis_is_away(database: Database) -> None:
    away = connect("redis://127.0.0.1:9/0")
    assert await follow_up(away, CrawlOutcome(uuid.uuid4(), (uuid.uuid4(),))) == 0
    await away.aclose()


@pytest.mark.usefixtures("running")
async def test_an_index_of_which_nothing_can_be_measured_yet_is_no_failed_job(
    database_url: str, redis: Redis, until: Any, depth: Depth, failed: Failed
) -> None:
    with psycopg.connect(database_url) as owner:
        owner.execute("create index on article_embeddings using hnsw (embedding vector_cosine_ops)")
    await enqueue(redis, measure_index())
    await until(lambda: _is_empty(depth, "ops"), within=30)
    assert await failed() == []

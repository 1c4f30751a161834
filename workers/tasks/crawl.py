"""Crawling a feed."""

import datetime as dt
import uuid

import structlog
from taskiq import async_shared_broker as broker

from core.errors import FeedUnreachable, RetryLater
from core.pipeline.crawl import crawl
from core.pipeline.follow_up import follow_up
from core.queues import tallies
from workers.runtime import InRuntime

log = structlog.get_logger(__name__)


# Two fetches (a page, and the feed that it names) and as many parses, at their limits, take 80 seconds.
@broker.task(task_name="crawl_feed", queue_name="crawl", timeout=120)
async def crawl_feed(feed_id: uuid.UUID, runtime: InRuntime) -> None:
    now = dt.datetime.now(dt.UTC)
    try:
        outcome = await crawl(feed_id, database=runtime.database, http=runtime.http, parser=runtime.parser, now=now)
    except (RetryLater, FeedUnreachable):
        await tallies.count(runtime.redis, "crawls", "unreachable")
        raise
    await tallies.count(runtime.redis, "crawls", outcome.kind)
    log.info("crawled", feed=str(feed_id), result=outcome.result or outcome.error)
    await follow_up(runtime.redis, outcome)

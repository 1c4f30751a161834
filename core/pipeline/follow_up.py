"""What a crawl asks for next."""

import asyncio
import itertools

import structlog
from redis.asyncio import Redis

from core.errors import Unavailable
from core.pipeline.crawl import CrawlOutcome
from core.queues import Job, enqueue, generate_embeddings, generate_summary

# So many are on their way to Redis at once: enough to hide the round trip.
AT_ONCE = 50

log = structlog.get_logger(__name__)


async def follow_up(redis: Redis, outcome: CrawlOutcome) -> int:
    """Queues embeddings and a summary for each article that is new or changed; returns how many jobs were accepted.

    With Redis away nothing is lost: an article without them is the to-do, and the scheduler finds it there.
    """
    articles = (*outcome.new, *outcome.changed)
    jobs = itertools.chain.from_iterable((generate_embeddings(id_), generate_summary(id_)) for id_ in articles)
    accepted = 0
    try:
        while some := tuple(itertools.islice(jobs, AT_ONCE)):
            accepted += sum(await asyncio.gather(*(_accepted(redis, job) for job in some)))
    except Unavailable as error:
        log.info("embeddings and summaries are asked for later", feed=str(outcome.feed_id), reason=str(error))
    return accepted


async def _accepted(redis: Redis, job: Job) -> bool:
    return await enqueue(redis, job) is not None

"""What a crawl asks for next."""

import itertools
from collections.abc import Sequence

import structlog
from redis.asyncio import Redis

from core.errors import SignalistError, Unavailable
from core.pipeline.crawl import CrawlOutcome
from core.queues import generate_embeddings, generate_summary
from core.queues.enqueueing import Acceptance, offer_all
from core.queues.jobs import new_task_id

# So many go to Redis in one round trip: enough to hide it, few enough that nobody else waits for the answer.
AT_ONCE = 200

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
            answers = await offer_all(redis, [(job, new_task_id()) for job in some])
            accepted += answers.count(Acceptance.ACCEPTED)
            _demand_answers(answers)
    except Unavailable as error:
        log.info("embeddings and summaries are asked for later", feed=str(outcome.feed_id), reason=str(error))
    return accepted


def _demand_answers(answers: Sequence[Acceptance | SignalistError]) -> None:
    for answer in answers:
        if isinstance(answer, SignalistError):
            raise answer

"""Summarising one article."""

import uuid

import structlog

from core.db import Database
from core.errors import Conflict
from core.pipeline.embed import MOST_ROUNDS
from core.pipeline.models import Summariser
from core.pipeline.text import shortened
from core.queries import articles

log = structlog.get_logger(__name__)

# A text that is no longer than a summary is its own: asking a model for one would cost money and add nothing.
SHORT_TEXT = 300
LONGEST_SUMMARY = 1_000


async def summarise_article(article_id: uuid.UUID, *, database: Database, summariser: Summariser) -> str:
    """Summarises the article as it is now, and returns the summary.

    Empty: it is gone, or summarised by this model already. An article without a text is summed up by its title. No
    transaction is open while the model works; if the article changes meanwhile, it is summarised again.
    """
    for _ in range(MOST_ROUNDS):
        async with database.session() as session:
            article = await articles.content(session, article_id)
        if article is None or article.summary_model == summariser.model:
            return ""
        summary = " ".join(article.text.split()) or article.title
        if len(summary) > SHORT_TEXT:
            log.info("summarising", characters=len(article.text), model=summariser.model)
            summary = shortened(await summariser.summarise(article.title, article.text), LONGEST_SUMMARY)
        async with database.session() as session:
            if await articles.summarised(
                session, article_id, content_hash=article.content_hash, model=summariser.model, summary=summary
            ):
                return summary
    raise Conflict("The article changed each time while it was being summarised.")

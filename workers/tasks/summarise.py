"""Summarising an article."""

import uuid

from taskiq import async_shared_broker as broker

from core.pipeline.summarise import summarise_article
from workers.runtime import InRuntime


# One request to a model, which has 60 seconds; the article may change while that runs.
@broker.task(task_name="generate_summary", queue_name="summarise", timeout=180)
async def generate_summary(article_id: uuid.UUID, runtime: InRuntime) -> None:
    await summarise_article(article_id, database=runtime.database, summariser=runtime.summariser)

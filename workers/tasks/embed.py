"""Embedding an article."""

import uuid

from taskiq import async_shared_broker as broker

from core.pipeline.embed import count_tokens, embed_by_job
from workers.runtime import InRuntime


# The longest article is one request to a model, which has 60 seconds; it may change while that runs.
@broker.task(task_name="generate_embeddings", queue_name="embed", timeout=180)
async def generate_embeddings(article_id: uuid.UUID, runtime: InRuntime) -> None:
    await embed_by_job(article_id, database=runtime.database, embedder=runtime.embedder)
    await count_tokens(runtime.redis, runtime.embedder)

"""The whole pipeline on real feeds, where they are at hand: a folder `shared/feeds` beside the project."""

import asyncio
import datetime as dt
import io
import uuid
from pathlib import Path
from typing import Any

import aiohttp
import feedparser
import pytest
from sqlalchemy import text

from core.db import Database
from core.pipeline.crawl import CrawlOutcome, crawl
from core.pipeline.embed import embed_article
from core.pipeline.offline import ExtractiveSummariser, OfflineEmbedder
from core.pipeline.parser import Parser
from core.pipeline.search import search
from core.pipeline.summarise import summarise_article
from core.queries import embeddings, feeds

FOLDER = Path(__file__).parents[4] / "shared" / "feeds"
NOW = dt.datetime.now(dt.UTC)

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="There is no folder shared/feeds beside the project.")


def identities(document: bytes) -> list[str]:
    """The articles in it as feedparser alone sees them: by guid, by link, or by all that they say."""
    entries = feedparser.parse(io.BytesIO(document), sanitize_html=False).entries
    return sorted({entry.get("id") or entry.get("link") or repr(sorted(entry.items(), key=str)) for entry in entries})


@pytest.mark.timeout(300)
async def test_every_article_is_stored_once_embedded_and_summarised_and_then_left_alone(
    database: Database, site: Any, http: aiohttp.ClientSession, parser: Parser
) -> None:
    documents = {path.name: path.read_bytes() for path in sorted(FOLDER.iterdir())}
    async with database.session() as session:
        ids = {name: (await feeds.add(session, site.says(f"/{name}", body))).id for name, body in documents.items()}

    async def everything(now: dt.datetime) -> list[CrawlOutcome]:
        at_once = asyncio.Semaphore(8)

        async def one(name: str) -> CrawlOutcome:
            async with at_once:
                return await crawl(ids[name], database=database, http=http, parser=parser, now=now)

        return await asyncio.gather(*(one(name) for name in documents))

    outcomes = await everything(NOW)
    assert [outcome.error for outcome in outcomes if outcome.error] == []
    for (name, body), outcome in zip(documents.items(), outcomes, strict=True):
        expected = identities(body)
        async with database.session() as session:
            query = text("select guid from articles where feed_id = :feed")
            stored = (await session.execute(query, {"feed": ids[name]})).all()
            feed = await feeds.get(session, ids[name])
        assert len(stored) == len(expected) == len(outcome.new), name
        assert all(row.guid.startswith("sha256:") or row.guid in expected for row in stored), name
        assert feed is not None
        assert (feed.article_count, feed.last_error) == (len(stored), None)

    embedder, summariser = OfflineEmbedder(), ExtractiveSummariser()
    new = [article_id for outcome in outcomes for article_id in outcome.new]
    at_once = asyncio.Semaphore(8)

    async def through_the_models(article_id: uuid.UUID) -> None:
        async with at_once:
            await embed_article(article_id, database=database, embedder=embedder)
            await summarise_article(article_id, database=database, summariser=summariser)

    await asyncio.gather(*map(through_the_models, new))
    async with database.session() as session:
        coverage = await embeddings.coverage(session, embedder.model)
        before = (
            await session.execute(text("select md5(string_agg(t::text, '' order by id)) from articles t"))
        ).scalar()
        query = text(
            "select count(*) from articles where summary = '' or id not in (select article_id from article_embeddings)"
        )
        assert (await session.execute(query)).scalar_one() == 0
    assert (coverage.articles, coverage.waiting.value) == (len(new), 0)

    again = await everything(NOW + dt.timedelta(hours=1))
    assert [(outcome.new, outcome.changed, outcome.error) for outcome in again] == [((), (), "")] * len(again)
    async with database.session() as session:
        after = (
            await session.execute(text("select md5(string_agg(t::text, '' order by id)) from articles t"))
        ).scalar()
    assert after == before

    hits = await search(database, embedder, "compiler optimisation", limit=5)
    assert sum("compil" in f"{hit.title} {hit.snippet} {hit.summary}".lower() for hit in hits) >= 3

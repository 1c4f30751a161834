"""What the demo's feeds published before it began, and a vector index that was built when there was far less of it.

So there is something to search, and an index that has been outgrown: the dashboard proposes to rebuild it.
"""

import datetime as dt
import time
import uuid
from collections.abc import Sequence

import psycopg

from core.db import Database, plain
from core.demo.feed_server import FIRST_DAY, NEW_EVERY_S, SHOWN, addresses, slug
from core.demo.stories import TOPICS, story
from core.indexes.shape import Shape
from core.pipeline.embed import embed_article
from core.pipeline.offline import OfflineEmbedder
from core.pipeline.parsed import ParsedArticle, content_hash
from core.queries import crawls, feeds, index_builds, index_ddl, server, vector_index
from core.queries.crawls import Said

# Stories of each feed: those that the index was built on, and those that the workers find to do at the start.
INDEXED, LATER = 25, 75
_SHAPE, _MARK = Shape("ivfflat", lists=10), 1


async def stock(database: Database, port: int, now: dt.datetime) -> None:
    """Adds the older stories and the index. The feeds are there, and empty."""
    newest = int((now - FIRST_DAY).total_seconds() / NEW_EVERY_S) - SHOWN
    embedder = OfflineEmbedder()
    for first, last in ((newest - LATER - INDEXED, newest - LATER), (newest - LATER, newest)):
        for url, topic in zip(addresses(port), TOPICS, strict=False):
            new = await _publish(database, url, topic, range(first, last), now)
            if last != newest:
                for article_id in new:
                    await embed_article(article_id, database=database, embedder=embedder)
        if last != newest:
            await _index(database)


async def _publish(
    database: Database, url: str, topic: str, numbers: Sequence[int], now: dt.datetime
) -> tuple[uuid.UUID, ...]:
    base = url.partition("/feeds/")[0]
    told = [_article(topic, number, base) for number in numbers]
    async with database.session() as session:
        feed = await feeds.by_url(session, url)
        assert feed is not None  # noqa: S101 - it was added before
        stored = await crawls.store(session, feed.id, told, now)
        said = Said(topic, f"{base}/", 60, None, None)
        await crawls.fresh(
            session, feed.id, now=now, next_due_at=now, result="stocked", said=said, new_articles=len(stored.new)
        )
    return stored.new


def _article(topic: str, number: int, base: str) -> ParsedArticle:
    told = story(topic, number)
    text = "\n\n".join(told.paragraphs)
    return ParsedArticle(
        guid=f"{slug(topic)}-{number}",
        url=f"{base}/stories/{slug(topic)}/{number}",
        title=told.title,
        author=told.author,
        text=text,
        published_at=FIRST_DAY + dt.timedelta(seconds=number * NEW_EVERY_S),
        content_hash=content_hash(told.title, text),
    )


async def _index(database: Database) -> None:
    started = time.monotonic()
    # CONCURRENTLY is for no transaction.
    async with await psycopg.AsyncConnection.connect(plain(database.owner_url), autocommit=True) as connection:
        await connection.execute(index_ddl.create(_SHAPE, _MARK, vector_index.SERVING).encode())
        await connection.execute(index_ddl.analyze().encode())
    async with database.session() as session:
        (index,) = (await vector_index.read(session)).indexes
        await index_builds.add(
            session,
            mark=_MARK,
            shape=_SHAPE,
            rows=INDEXED * len(TOPICS),
            size=index.size,
            seconds=time.monotonic() - started,
            revision=await server.revision(session),
            operation_id=None,
        )

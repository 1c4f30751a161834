"""What a crawl reads and writes. It locks its feed first, so that two crawls of one feed take turns, and crawls of
different feeds touch no common row: no order of events can deadlock them."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, func, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from core.models import Article, Feed
from core.pipeline.parsed import ParsedArticle


@dataclass(frozen=True)
class Claim:
    """A feed that is about to be crawled. `was_due`: this is its turn, not another attempt of the same turn."""

    id: uuid.UUID
    url: str
    interval_s: int
    ttl_s: int | None
    etag: str | None
    last_modified: str | None
    errors_in_row: int
    was_due: bool


@dataclass(frozen=True)
class Stored:
    """Ids of the articles that are new, and of those whose title or text changed."""

    new: tuple[uuid.UUID, ...]
    changed: tuple[uuid.UUID, ...]


@dataclass(frozen=True)
class Said:
    """What a feed says about itself, and the validators with which to ask for what comes next."""

    title: str
    site_url: str | None
    ttl_s: int | None
    etag: str | None
    last_modified: str | None


async def claim(session: AsyncSession, feed_id: uuid.UUID, now: dt.datetime) -> Claim | None:
    """Takes the feed's turn: it is due again only after its interval, whatever becomes of this crawl.

    None: there is no such feed, or it is switched off.
    """
    old = (
        select(Feed.id, Feed.next_due_at)
        .where(Feed.id == feed_id, Feed.enabled)
        .with_for_update(key_share=True)
        .cte("old")
    )
    interval = func.make_interval(0, 0, 0, 0, 0, 0, Feed.interval_s)
    row = (
        await session.execute(
            update(Feed)
            .where(Feed.id == old.c.id)
            .values(next_due_at=func.greatest(old.c.next_due_at, now + interval), last_crawled_at=now)
            .returning(
                Feed.id,
                Feed.url,
                Feed.interval_s,
                Feed.ttl_s,
                Feed.etag,
                Feed.last_modified,
                Feed.errors_in_row,
                (old.c.next_due_at <= now).label("was_due"),
            )
            .execution_options(synchronize_session=False)
        )
    ).one_or_none()
    return None if row is None else Claim(**row._mapping)


async def lock(session: AsyncSession, feed_id: uuid.UUID) -> bool:
    """Until the end of the transaction nobody else writes this feed or its articles. False: it was removed."""
    found = await session.execute(select(Feed.id).where(Feed.id == feed_id).with_for_update(key_share=True))
    return found.scalar_one_or_none() is not None


async def store(
    session: AsyncSession, feed_id: uuid.UUID, articles: Sequence[ParsedArticle], now: dt.datetime
) -> Stored:
    """Adds the articles that are new and rewrites those that differ; the feed must be locked.

    A changed title or text makes the article new to the models; its old summary and embeddings stay until then.
    Unchanged rows are only read. Three statements, however many articles.
    """
    known = {
        row.guid: row
        for row in await session.execute(
            select(Article.id, Article.guid, Article.content_hash, Article.url, Article.author, Article.published_at)
            .where(Article.feed_id == feed_id, Article.guid.in_([article.guid for article in articles]))
        )
    }  # fmt: skip
    new = [(uuid.uuid4(), article) for article in articles if article.guid not in known]
    changed, touched = [], []
    for article in articles:
        row = known.get(article.guid)
        if row is None:
            continue
        if row.content_hash != article.content_hash:
            changed.append((row.id, article))
        elif _details(row.url, row.author, row.published_at) != _details(
            article.url, article.author, article.published_at or row.published_at
        ):
            touched.append((row.id, article))
    if new:
        await session.execute(_INSERT, {"feed_id": feed_id, "now": now} | _columns(new))
    if changed or touched:
        await session.execute(_UPDATE, {"now": now} | _columns([*changed, *touched]))
    return Stored(tuple(id_ for id_, _ in new), tuple(id_ for id_, _ in changed))


def _details(url: str | None, author: str | None, published_at: dt.datetime | None) -> tuple[object, ...]:
    return url, author, published_at


def _columns(rows: Sequence[tuple[uuid.UUID, ParsedArticle]]) -> dict[str, list[object]]:
    names = ("guid", "url", "title", "author", "text", "published_at", "content_hash")
    return {"id": [id_ for id_, _ in rows]} | {name: [getattr(article, name) for _, article in rows] for name in names}


_ROWS = """
    unnest(
        cast(:id as uuid[]), cast(:guid as text[]), cast(:url as text[]), cast(:title as text[]),
        cast(:author as text[]), cast(:text as text[]), cast(:published_at as timestamptz[]),
        cast(:content_hash as text[])
    ) as fresh(id, guid, url, title, author, text, published_at, content_hash)
"""
_INSERT = text(
    f"""
    insert into articles (id, feed_id, guid, url, title, author, text, content_hash, published_at, sort_at,
                          created_at, updated_at)
    select id, :feed_id, guid, url, title, author, text, content_hash, published_at,
           -- A date that is ahead of us would stay on top of every list.
           least(coalesce(published_at, cast(:now as timestamptz)), :now), :now, :now
    from {_ROWS}
    """  # noqa: S608 - no value of anyone's is in it
)
_UPDATE = text(
    f"""
    update articles set
        url = fresh.url, title = fresh.title, author = fresh.author, text = fresh.text,
        published_at = coalesce(fresh.published_at, articles.published_at),
        updated_at = case when articles.content_hash = fresh.content_hash then updated_at else :now end,
        embedding_model = case when articles.content_hash = fresh.content_hash then embedding_model end,
        summary_model = case when articles.content_hash = fresh.content_hash then summary_model end,
        content_hash = fresh.content_hash
    from {_ROWS}
    where articles.id = fresh.id
    """  # noqa: S608 - no value of anyone's is in it
)


async def unchanged(
    session: AsyncSession, feed_id: uuid.UUID, *, now: dt.datetime, next_due_at: dt.datetime, result: str
) -> None:
    """Records a crawl that brought nothing, as it should."""
    await _update(session, feed_id, _success(now, next_due_at, result))


async def fresh(
    session: AsyncSession,
    feed_id: uuid.UUID,
    *,
    now: dt.datetime,
    next_due_at: dt.datetime,
    result: str,
    said: Said,
    new_articles: int,
) -> None:
    """Records a crawl that brought a document, and what the feed says in it about itself."""
    values = _success(now, next_due_at, result) | {
        "title": case((func.length(said.title) > 0, said.title), else_=Feed.title),
        "site_url": said.site_url,
        "ttl_s": said.ttl_s,
        "etag": said.etag,
        "last_modified": said.last_modified,
        "article_count": Feed.article_count + new_articles,
    }
    await _update(session, feed_id, values)


async def failed(
    session: AsyncSession, feed_id: uuid.UUID, *, error: str, errors_in_row: int, next_due_at: dt.datetime
) -> None:
    """Records why a crawl failed, how many have in a row, and when the next is due."""
    values = {"last_error": error, "errors_in_row": errors_in_row, "next_due_at": next_due_at}
    await _update(session, feed_id, values)


async def switch_off(session: AsyncSession, feed_id: uuid.UUID, reason: str) -> None:
    """No more crawls of the feed, until a person switches it on again."""
    await _update(session, feed_id, {"enabled": False, "disabled_reason": reason, "last_error": reason})


async def move(session: AsyncSession, feed_id: uuid.UUID, url: str) -> bool:
    """Gives the feed a new address, and forgets how the old server recognised versions. False: another has it.

    An address that is taken is looked up first: an update that had to wait for its row, while that feed moves to
    ours, would deadlock.
    """
    taken = select(Feed.id).where(Feed.url == url).exists()
    try:
        async with session.begin_nested():
            moved = await session.execute(
                update(Feed)
                .where(Feed.id == feed_id, ~taken)
                .values(url=url, etag=None, last_modified=None)
                .returning(Feed.id)
                .execution_options(synchronize_session=False)
            )
            return moved.scalar_one_or_none() is not None
    except IntegrityError:
        # Someone took it in the same instant.
        return False


def _success(now: dt.datetime, next_due_at: dt.datetime, result: str) -> dict[str, Any]:
    return {
        "last_success_at": now,
        "last_result": result,
        "last_error": None,
        "errors_in_row": 0,
        "next_due_at": next_due_at,
    }


async def _update(session: AsyncSession, feed_id: uuid.UUID, values: dict[str, Any]) -> None:
    await session.execute(
        update(Feed).where(Feed.id == feed_id).values(values).execution_options(synchronize_session=False)
    )

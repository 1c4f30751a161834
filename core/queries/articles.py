"""Articles: pages of them, one in full, and what the pipeline still has to do.

Articles grow without end, so nothing here reads more of them than it returns, or than a named cap.
"""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Select, TextClause, func, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.models import Article, ArticleEmbedding, Feed
from core.queries.count import Count

PAGE = 50
# A filter by text looks at this many articles a page, so that words nobody wrote cannot cost a scan of them all.
WINDOW = 5_000
# Beyond this many, "more than" is as useful as the number, and counting would take longer with every article.
COUNT_CAP = 10_000
Keys = Select[uuid.UUID, dt.datetime]


@dataclass(frozen=True)
class ArticleRow:
    """One article in a list. `embedding_model` None: its present content is not embedded yet."""

    id: uuid.UUID
    feed_id: uuid.UUID
    feed_title: str
    url: str | None
    title: str
    author: str | None
    published_at: dt.datetime | None
    sort_at: dt.datetime
    summary: str | None
    embedding_model: str | None
    summary_model: str | None


class ArticleCursor(NamedTuple):
    """Where a page ended."""

    sort_at: dt.datetime
    id: uuid.UUID


@dataclass(frozen=True)
class ArticlePage:
    """`rows`, newest first. With a text filter a page may hold few rows, or none, and still have a `next`."""

    rows: tuple[ArticleRow, ...]
    next: ArticleCursor | None


@dataclass(frozen=True)
class ArticleDetail:
    """One article in full. `chunks` counts the stored embeddings; `text` is plain text, paragraphs on lines."""

    id: uuid.UUID
    feed_id: uuid.UUID
    feed_title: str
    feed_url: str
    url: str | None
    title: str
    author: str | None
    text: str
    published_at: dt.datetime | None
    created_at: dt.datetime
    updated_at: dt.datetime
    embedding_model: str | None
    chunks: int
    summary: str | None
    summary_model: str | None


@dataclass(frozen=True)
class ArticleContent:
    """What a model is given. `content_hash` is handed back when the answer is stored."""

    id: uuid.UUID
    title: str
    text: str
    content_hash: str
    embedding_model: str | None
    summary_model: str | None


@dataclass(frozen=True)
class Progress:
    """How far one step of the pipeline is, for the active model. `waiting` is a floor beyond COUNT_CAP."""

    waiting: Count
    # When the content that has waited longest was stored; None: nothing waits.
    oldest_waiting_at: dt.datetime | None


async def page(
    session: AsyncSession,
    *,
    feed_id: uuid.UUID | None = None,
    words: str = "",
    since: dt.datetime | None = None,
    after: ArticleCursor | None = None,
    limit: int = PAGE,
) -> ArticlePage:
    """Articles newest first, those with `words` in their title, in pages by key."""
    keys: Keys = select(Article.id, Article.sort_at).order_by(Article.sort_at.desc(), Article.id.desc())
    if feed_id is not None:
        keys = keys.where(Article.feed_id == feed_id)
    if since is not None:
        keys = keys.where(Article.sort_at >= since)
    if after is not None:
        keys = keys.where(tuple_(Article.sort_at, Article.id) < tuple_(after.sort_at, after.id))
    if not words:
        rows = await _rows(session, keys.limit(limit + 1))
        return ArticlePage(rows[:limit], _cursor(rows[limit - 1]) if len(rows) > limit else None)
    window = keys.add_columns(Article.title).limit(WINDOW).subquery()
    matches: Keys = select(window.c.id, window.c.sort_at).where(window.c.title.icontains(words, autoescape=True))
    rows = await _rows(session, matches.order_by(window.c.sort_at.desc(), window.c.id.desc()).limit(limit + 1))
    if len(rows) > limit:
        return ArticlePage(rows[:limit], _cursor(rows[limit - 1]))
    end = (await session.execute(keys.offset(WINDOW - 1).limit(1))).one_or_none()
    return ArticlePage(rows, None if end is None else ArticleCursor(end.sort_at, end.id))


async def get(session: AsyncSession, article_id: uuid.UUID) -> ArticleDetail | None:
    chunks = select(func.count()).where(ArticleEmbedding.article_id == Article.id).scalar_subquery()
    row = (
        await session.execute(
            select(
                Article.id,
                Article.feed_id,
                Feed.title.label("feed_title"),
                Feed.url.label("feed_url"),
                Article.url,
                Article.title,
                Article.author,
                Article.text,
                Article.published_at,
                Article.created_at,
                Article.updated_at,
                Article.embedding_model,
                chunks.label("chunks"),
                Article.summary,
                Article.summary_model,
            )
            .join(Feed, Feed.id == Article.feed_id)
            .where(Article.id == article_id)
        )
    ).one_or_none()
    return None if row is None else ArticleDetail(**row._mapping)


async def content(session: AsyncSession, article_id: uuid.UUID) -> ArticleContent | None:
    """What is to be embedded or summarised; None: the article is gone, and with it the work."""
    row = (
        await session.execute(
            select(
                Article.id,
                Article.title,
                Article.text,
                Article.content_hash,
                Article.embedding_model,
                Article.summary_model,
            ).where(Article.id == article_id)
        )
    ).one_or_none()
    return None if row is None else ArticleContent(**row._mapping)


async def forget_embedding(session: AsyncSession, article_id: uuid.UUID) -> bool:
    """Makes its embedding to do again; until that is done a search still finds the old one. False: no such article."""
    return await _forget(session, article_id, Article.embedding_model.key)


async def forget_summary(session: AsyncSession, article_id: uuid.UUID) -> bool:
    """Makes its summary to do again; the old one stays until then. False: no such article."""
    return await _forget(session, article_id, Article.summary_model.key)


async def _forget(session: AsyncSession, article_id: uuid.UUID, column: str) -> bool:
    changed = await session.execute(
        update(Article)
        .where(Article.id == article_id)
        .values({column: None})
        .returning(Article.id)
        .execution_options(synchronize_session=False)
    )
    return changed.scalar_one_or_none() is not None


async def summarised(
    session: AsyncSession, article_id: uuid.UUID, *, content_hash: str, model: str, summary: str
) -> bool:
    """Stores the summary. False, and nothing is written, if the content has changed since, or the article is gone."""
    done = await session.execute(
        update(Article)
        .where(Article.id == article_id, Article.content_hash == content_hash)
        .values(summary=summary, summary_model=model)
        .returning(Article.id)
        .execution_options(synchronize_session=False)
    )
    return done.scalar_one_or_none() is not None


async def newest_at(session: AsyncSession) -> dt.datetime | None:
    """When the newest article was published (stored, where the feed gave no date)."""
    return (
        await session.execute(select(Article.sort_at).order_by(Article.sort_at.desc()).limit(1))
    ).scalar_one_or_none()


async def to_embed(session: AsyncSession, model: str, settled_before: dt.datetime, limit: int) -> tuple[uuid.UUID, ...]:
    """Articles whose present content has no embeddings, the longest waiting first.

    Left out: content stored after `settled_before` (its job is on its way), articles whose job gave up (a person
    decides on those, and they must not crowd out the others), and what another model has embedded: to do that again
    may cost money, so it is an operation that a person approves (core.indexes.reembed). While that one runs there is
    nothing to send: it does what is missing, too, at the pace that was approved.
    """
    values = {"settled_before": settled_before, "limit": limit}
    return tuple((await session.execute(_statement(_MISSING, _EMBED), values)).scalars())


async def to_reembed(
    session: AsyncSession, model: str, skipped: Sequence[uuid.UUID], limit: int
) -> tuple[uuid.UUID, ...]:
    """Articles without embeddings by `model`, whatever the reason, but for `skipped`; the longest waiting first."""
    values = {"active": model, "skipped": list(skipped), "limit": limit}
    return tuple((await session.execute(_statement(_TO_DO, _EMBED, "id = any(:skipped)"), values)).scalars())


async def models_but(session: AsyncSession, model: str, skipped: Sequence[uuid.UUID] = ()) -> tuple[str, ...]:
    """The other models that have embedded present content, apart from that of `skipped`: a few index probes each."""
    values = {"active": model, "skipped": list(skipped)}
    return tuple((await session.execute(_statement(_OTHERS, _EMBED), values)).scalars())


@dataclass(frozen=True)
class ToReembed:
    """How much `to_reembed` would give. `characters`: of an article, the mean of a thousand of them at most."""

    missing: int
    stale: int
    characters: float

    @property
    def articles(self) -> int:
        return self.missing + self.stale


async def extent_to_reembed(session: AsyncSession, model: str) -> ToReembed:
    """Exact counts, so its cost grows with what is to do: for a plan, not for a screen."""
    counts = (await session.execute(text(_EXTENT), {"active": model})).one()
    some = await to_reembed(session, model, (), 1_000)
    length = func.length(Article.title) + func.length(Article.text)
    mean = (await session.execute(select(func.avg(length)).where(Article.id.in_(some)))).scalar_one()
    return ToReembed(counts.missing, counts.stale, float(mean or 0))


async def to_summarise(
    session: AsyncSession, model: str, settled_before: dt.datetime, limit: int
) -> tuple[uuid.UUID, ...]:
    """Articles whose present content has no summary by `model`; in the same order, without what is on its way or gave
    up."""
    values = {"active": model, "settled_before": settled_before, "limit": limit}
    return tuple((await session.execute(_statement(_TO_DO, _SUMMARISE, _TAKEN), values)).scalars())


async def embedding_progress(session: AsyncSession, model: str) -> Progress:
    """How much content has no embeddings by `model`."""
    return await _progress(session, _EMBED, model)


async def summary_progress(session: AsyncSession, model: str) -> Progress:
    """How much content has no summary by `model`."""
    return await _progress(session, _SUMMARISE, model)


async def _rows(session: AsyncSession, keys: Keys) -> tuple[ArticleRow, ...]:
    chosen = keys.subquery()
    rows = await session.execute(
        select(
            Article.id,
            Article.feed_id,
            Feed.title.label("feed_title"),
            Article.url,
            Article.title,
            Article.author,
            Article.published_at,
            Article.sort_at,
            Article.summary,
            Article.embedding_model,
            Article.summary_model,
        )
        .join(chosen, chosen.c.id == Article.id)
        .join(Feed, Feed.id == Article.feed_id)
        .order_by(Article.sort_at.desc(), Article.id.desc())
    )
    return tuple(ArticleRow(**row._mapping) for row in rows)


def _cursor(row: ArticleRow) -> ArticleCursor:
    return ArticleCursor(row.sort_at, row.id)


@dataclass(frozen=True)
class _Step:
    """One step of the pipeline: where an article records it, and the task that does it."""

    column: str
    task: str


_EMBED = _Step("embedding_model", "generate_embeddings")
_SUMMARISE = _Step("summary_model", "generate_summary")


# The models that are stored, one index probe each: `model <> :active` alone would have to read every article.
_MODELS = """
    with recursive models(model) as (
        (select {column} from articles where {column} is not null order by {column} limit 1)
        union all
        select (select {column} from articles where {column} > model order by {column} limit 1)
        from models where model is not null
    ), other as (select model from models where model is not null and model <> :active)
"""
# Each branch walks the index from its oldest row on, and stops at the limit.
_TO_DO = """
    {models}
    select id from (
        (select id, updated_at from articles a
         where {column} is null and not ({but})
         order by {column}, updated_at limit :limit)
        union all
        (select waiting.id, waiting.updated_at from other cross join lateral (
            select id, updated_at from articles a
            where {column} = other.model and not ({but})
            order by updated_at limit :limit
        ) waiting)
    ) both_kinds order by updated_at limit :limit
"""
_OTHERS = """
    {models}
    select model from other
     where exists (select from articles where {column} = other.model and id <> all(cast(:skipped as uuid[])))
"""
_PROGRESS = """
    {models}
    select
        (select count(*) from (select 1 from articles where {column} is null limit :cap) a)
        + (select count(*) from (
            select 1 from other cross join lateral (
                select 1 from articles where {column} = other.model order by updated_at limit :cap
            ) one limit :cap
        ) b) as waiting,
        least(
            (select updated_at from articles where {column} is null order by {column}, updated_at limit 1),
            (select min(oldest.updated_at) from other cross join lateral (
                select updated_at from articles where {column} = other.model order by updated_at limit 1) oldest)
        ) as oldest_waiting_at
"""
# A discarded job is not sent again either, unless the content has changed since.
_GAVE_UP = """(
    exists (select 1 from failed_jobs where state = 'open' and job_key = '{task}:' || a.id::text)
    or exists (select 1 from failed_jobs
                where state = 'discarded' and job_key = '{task}:' || a.id::text and resolved_at > a.updated_at))"""


# What is left out of what is done by itself.
_TAKEN = "updated_at >= :settled_before or {gave_up}"
_MISSING = """
    select id from articles a where {column} is null and updated_at < :settled_before and not {gave_up}
       and not exists (select from operations
                        where exclusive = 'embeddings' and state in ('approved', 'running', 'verifying'))
     order by {column}, updated_at limit :limit
"""
_EXTENT = """
    select count(*) filter (where embedding_model is null) as missing,
           count(*) filter (where embedding_model is not null) as stale
      from articles where embedding_model is distinct from :active
"""


def _statement(template: str, step: _Step, but: str = "") -> TextClause:
    models, gave_up = _MODELS.format(column=step.column), _GAVE_UP.format(task=step.task)
    but = but.format(gave_up=gave_up)
    return text(template.format(models=models, column=step.column, gave_up=gave_up, but=but))


async def _progress(session: AsyncSession, step: _Step, model: str) -> Progress:
    row = (await session.execute(_statement(_PROGRESS, step), {"active": model, "cap": COUNT_CAP + 1})).one()
    return Progress(Count.capped(row.waiting, COUNT_CAP), row.oldest_waiting_at)

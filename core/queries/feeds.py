"""Feeds: adding, listing, when they are due, and what their last crawl left.

Feeds are what people add, by the hundred or the thousand, so a page of them may sort them all; articles are
never counted here, because each crawl keeps `article_count`.
"""

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, assert_never

from sqlalchemy import ColumnElement, Select, and_, delete, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.models import Feed

PAGE = 100
# One failed crawl is the network's weather; from the third on it is the feed.
FAILING_AFTER = 3
FeedState = Literal["all", "enabled", "disabled", "failing"]
FEED_STATES: tuple[FeedState, ...] = ("all", "enabled", "disabled", "failing")

_LABEL = func.lower(func.coalesce(func.nullif(Feed.title, ""), Feed.url))


@dataclass(frozen=True)
class FeedAdded:
    """`created` is False when that address was there already."""

    id: uuid.UUID
    created: bool


@dataclass(frozen=True)
class FeedRow:
    """One feed as pages, the API and the command line show it. `interval_s` and `ttl_s` are seconds."""

    id: uuid.UUID
    url: str
    title: str
    site_url: str | None
    enabled: bool
    disabled_reason: str | None
    interval_s: int
    ttl_s: int | None
    next_due_at: dt.datetime
    last_crawled_at: dt.datetime | None
    last_success_at: dt.datetime | None
    last_result: str | None
    last_error: str | None
    errors_in_row: int
    article_count: int
    created_at: dt.datetime


@dataclass(frozen=True)
class FeedName:
    """What a feed is called: its title, or its address until the first crawl has found one."""

    id: uuid.UUID
    title: str
    url: str


class FeedCursor(NamedTuple):
    """Where a page ended: the sort label and id of its last feed."""

    label: str
    id: uuid.UUID


@dataclass(frozen=True)
class FeedPage:
    rows: tuple[FeedRow, ...]
    # Hand it to `page` for the feeds after these; None: these were the last.
    next: FeedCursor | None


@dataclass(frozen=True)
class FeedCounts:
    """How many feeds stand in each state. `failing`: enabled, and FAILING_AFTER crawls or more failed in a row."""

    total: int
    enabled: int
    disabled: int
    failing: int
    due: int
    # Sum of what the crawls counted: exact, and no article is read for it.
    articles: int
    oldest_due_at: dt.datetime | None
    last_success_at: dt.datetime | None


async def add(session: AsyncSession, url: str, *, title: str = "", interval_s: int = 1800) -> FeedAdded:
    """Adds a feed, due at once. `url` must have gone through core.pipeline.addresses.feed_url."""
    new = await session.execute(
        insert(Feed)
        .values(url=url, title=title, interval_s=interval_s)
        .on_conflict_do_nothing(index_elements=[Feed.url])
        .returning(Feed.id)
    )
    created = new.scalar_one_or_none()
    if created is not None:
        return FeedAdded(created, created=True)
    return FeedAdded((await session.execute(select(Feed.id).where(Feed.url == url))).scalar_one(), created=False)


async def remove(session: AsyncSession, feed_id: uuid.UUID) -> bool:
    """Deletes the feed with its articles and their embeddings. False: there was no such feed."""
    gone = await session.execute(delete(Feed).where(Feed.id == feed_id).returning(Feed.id))
    return gone.scalar_one_or_none() is not None


async def get(session: AsyncSession, feed_id: uuid.UUID) -> FeedRow | None:
    row = (await session.execute(_rows().where(Feed.id == feed_id))).one_or_none()
    return None if row is None else FeedRow(**row._mapping)


async def by_url(session: AsyncSession, url: str) -> FeedRow | None:
    row = (await session.execute(_rows().where(Feed.url == url))).one_or_none()
    return None if row is None else FeedRow(**row._mapping)


async def page(
    session: AsyncSession,
    *,
    text: str = "",
    state: FeedState = "all",
    after: FeedCursor | None = None,
    limit: int = PAGE,
) -> FeedPage:
    """Feeds by title (by address where there is none), those that hold `text` in either, in pages."""
    query = _rows().add_columns(_LABEL.label("label")).where(_in_state(state)).order_by(_LABEL, Feed.id)
    if text:
        query = query.where(Feed.title.icontains(text, autoescape=True) | Feed.url.icontains(text, autoescape=True))
    if after is not None:
        query = query.where(tuple_(_LABEL, Feed.id) > tuple_(after.label, after.id))
    found = [dict(row._mapping) for row in await session.execute(query.limit(limit + 1))]
    labels = [str(row.pop("label")) for row in found]
    rows = tuple(FeedRow(**row) for row in found[:limit])
    more = len(found) > limit
    return FeedPage(rows, FeedCursor(labels[limit - 1], rows[-1].id) if more else None)


async def some(session: AsyncSession, ids: Iterable[uuid.UUID]) -> tuple[FeedRow, ...]:
    """Those of these feeds that are there, in no order."""
    return tuple(FeedRow(**row._mapping) for row in await session.execute(_rows().where(Feed.id.in_(list(ids)))))


async def everything(session: AsyncSession) -> tuple[FeedRow, ...]:
    """Every feed by title, for an export."""
    return tuple(FeedRow(**row._mapping) for row in await session.execute(_rows().order_by(_LABEL, Feed.id)))


async def counts(session: AsyncSession) -> FeedCounts:
    due = and_(Feed.enabled, Feed.next_due_at <= func.now())
    row = (
        await session.execute(
            select(
                func.count().label("total"),
                func.count().filter(Feed.enabled).label("enabled"),
                func.count().filter(~Feed.enabled).label("disabled"),
                func.count().filter(_in_state("failing")).label("failing"),
                func.count().filter(due).label("due"),
                func.coalesce(func.sum(Feed.article_count), 0).label("articles"),
                func.min(Feed.next_due_at).filter(due).label("oldest_due_at"),
                func.max(Feed.last_success_at).label("last_success_at"),
            )
        )
    ).one()
    return FeedCounts(**row._mapping)


async def due(session: AsyncSession, now: dt.datetime, limit: int) -> tuple[uuid.UUID, ...]:
    """Ids of the enabled feeds whose time has come, the longest overdue first."""
    found = await session.execute(
        select(Feed.id).where(Feed.enabled, Feed.next_due_at <= now).order_by(Feed.next_due_at).limit(limit)
    )
    return tuple(found.scalars())


async def upcoming(session: AsyncSession, limit: int) -> tuple[FeedRow, ...]:
    """The enabled feeds that are due next, the longest overdue first."""
    rows = await session.execute(_rows().where(Feed.enabled).order_by(Feed.next_due_at).limit(limit))
    return tuple(FeedRow(**row._mapping) for row in rows)


async def make_due(session: AsyncSession, now: dt.datetime, ids: Iterable[uuid.UUID]) -> tuple[uuid.UUID, ...]:
    """Makes those of the feeds that are enabled due at `now`, and returns their ids."""
    return await _make_due(session, now, Feed.id.in_(list(ids)))


async def make_all_due(session: AsyncSession, now: dt.datetime) -> tuple[uuid.UUID, ...]:
    """Makes every enabled feed due at `now`, and returns their ids."""
    return await _make_due(session, now, Feed.id.is_not(None))


async def _make_due(session: AsyncSession, now: dt.datetime, which: ColumnElement[bool]) -> tuple[uuid.UUID, ...]:
    moved = await session.execute(
        update(Feed)
        .where(which, Feed.enabled)
        .values(next_due_at=func.least(Feed.next_due_at, now))
        .returning(Feed.id)
        .execution_options(synchronize_session=False)
    )
    return tuple(moved.scalars())


async def set_enabled(session: AsyncSession, ids: Sequence[uuid.UUID], *, enabled: bool, now: dt.datetime) -> int:
    """Switches feeds on (due at once, errors forgotten) or off. Returns how many changed."""
    values = (
        {
            "enabled": True,
            "disabled_reason": None,
            "errors_in_row": 0,
            "next_due_at": now,
        }
        if enabled
        else {"enabled": False, "disabled_reason": None}
    )
    changed = await session.execute(
        update(Feed)
        .where(Feed.id.in_(list(ids)), Feed.enabled.is_not(enabled))
        .values(values)
        .returning(Feed.id)
        .execution_options(synchronize_session=False)
    )
    return len(changed.scalars().all())


async def set_interval(session: AsyncSession, feed_id: uuid.UUID, interval_s: int, *, now: dt.datetime) -> bool:
    """Changes how often a feed is crawled, and brings the next crawl forward if it was further away than that.

    False: no such feed.
    """
    changed = await session.execute(
        update(Feed)
        .where(Feed.id == feed_id)
        .values(
            interval_s=interval_s,
            next_due_at=func.least(Feed.next_due_at, now + dt.timedelta(seconds=interval_s)),
        )
        .returning(Feed.id)
        .execution_options(synchronize_session=False)
    )
    return changed.scalar_one_or_none() is not None


async def names(session: AsyncSession, limit: int) -> tuple[FeedName, ...]:
    """The first `limit` feeds by title (by address where there is none), for choosing one."""
    found = await session.execute(select(Feed.id, Feed.title, Feed.url).order_by(_LABEL, Feed.id).limit(limit))
    return tuple(FeedName(*row) for row in found)


async def name(session: AsyncSession, feed_id: uuid.UUID) -> FeedName | None:
    row = (await session.execute(select(Feed.id, Feed.title, Feed.url).where(Feed.id == feed_id))).one_or_none()
    return None if row is None else FeedName(*row)


def _rows() -> Select[*tuple[object, ...]]:
    return select(*(getattr(Feed, name) for name in FeedRow.__dataclass_fields__))


def _in_state(state: FeedState) -> ColumnElement[bool]:
    match state:
        case "all":
            return Feed.id.is_not(None)
        case "enabled":
            return Feed.enabled.is_(True)
        case "disabled":
            return Feed.enabled.is_(False)
        case "failing":
            return and_(Feed.enabled, Feed.errors_in_row >= FAILING_AFTER)
        case _:
            assert_never(state)

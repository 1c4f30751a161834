"""`/feeds`: what is crawled."""

import asyncio
import datetime as dt
import uuid
from dataclasses import replace

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from core import feeds
from core.errors import NotFound
from core.feeds import Added, Crawls, Wanted
from core.feeds.add import MOST
from core.feeds.interval import LONGEST, SHORTEST
from core.pipeline import opml
from core.pipeline.addresses import shown
from core.queries import feeds as queries
from core.queries.feeds import FeedCursor, FeedRow, FeedState
from dashboard import urls
from dashboard.api.access import Crawler, FeedEditor, Viewer
from dashboard.api.body import Body
from dashboard.api.clock import Now
from dashboard.api.paging import After, Limit, Page, position
from dashboard.context import context

router = APIRouter(prefix="/feeds", tags=["feeds"])
OPML = {"requestBody": {"required": True, "content": {"text/x-opml": {"schema": {"type": "string"}}}}}


class NewFeeds(Body):
    """Addresses of feeds, or of pages that name their feed."""

    urls: list[str] = Field(min_length=1, max_length=MOST, examples=[["https://example.org/feed.xml"]])


class FeedChange(Body):
    """What is to be different; what is left out stays."""

    enabled: bool | None = None
    interval_s: int | None = Field(
        None, ge=SHORTEST.total_seconds(), le=LONGEST.total_seconds(), description="Seconds between crawls."
    )


class CrawlsAnswer(BaseModel):
    """What became of the wish to crawl."""

    accepted: int = Field(description="How many crawls were queued; the others wait or run already.")
    sentence: str

    @classmethod
    def of(cls, crawls: Crawls) -> "CrawlsAnswer":
        return cls(accepted=crawls.accepted, sentence=crawls.sentence)


class RefusedAddress(BaseModel):
    given: str
    reason: str


class AddedAnswer(BaseModel):
    """What became of each address."""

    created: tuple[uuid.UUID, ...]
    present: tuple[str, ...]
    refused: tuple[RefusedAddress, ...]
    crawls: CrawlsAnswer

    @classmethod
    def of(cls, added: Added) -> "AddedAnswer":
        refused = tuple(RefusedAddress(given=shown(r.given), reason=r.reason) for r in added.refused)
        crawls = CrawlsAnswer.of(added.crawls)
        return cls(created=added.created, present=added.present, refused=refused, crawls=crawls)


@router.get("", summary="Feeds by title")
async def list_feeds(
    _user: Viewer, text: str = "", state: FeedState = "all", after: After = None, limit: Limit = 100
) -> Page[FeedRow]:
    async with context().database.session() as session:
        page = await queries.page(session, text=text, state=state, after=position(after, FeedCursor), limit=limit)
    return Page(items=tuple(map(_open, page.rows)), next=urls.cursor(page.next))


@router.post("", status_code=201, summary="Add feeds and queue their first crawl")
async def add(new: NewFeeds, user: FeedEditor, now: Now) -> AddedAnswer:
    wanted = [Wanted(url) for url in new.urls]
    return AddedAnswer.of(await feeds.add(context().database, context().redis, user, "api", wanted, now=now))


@router.post("/crawl", status_code=202, summary="Crawl every enabled feed now")
async def crawl_all(user: Crawler, now: Now) -> CrawlsAnswer:
    return CrawlsAnswer.of(await feeds.crawl_all(context().database, context().redis, user, "api", now=now))


@router.get("/export", summary="Every feed as OPML, passwords in addresses included", response_class=Response)
async def export(_user: FeedEditor, now: Now) -> Response:
    async with context().database.session() as session:
        rows = await queries.everything(session)
    body = await asyncio.to_thread(opml.write, [opml.Outline(row.url, row.title) for row in rows], now)
    return Response(
        body, media_type="text/x-opml", headers={"content-disposition": 'attachment; filename="signalist.opml"'}
    )


@router.post("/import", status_code=201, summary="Add the feeds of an OPML file, sent as the body", openapi_extra=OPML)
async def import_(request: Request, user: FeedEditor, now: Now) -> AddedAnswer:
    found = await asyncio.to_thread(opml.read, await request.body())
    wanted = [Wanted(outline.url, outline.title) for outline in found.outlines]
    added = await feeds.add(context().database, context().redis, user, "api", wanted, now=now)
    answer = AddedAnswer.of(added)
    faults = tuple(RefusedAddress(given=fault.text, reason=fault.reason) for fault in found.faults)
    return answer.model_copy(update={"refused": answer.refused + faults})


@router.get("/{feed_id}", summary="One feed")
async def show(feed_id: uuid.UUID, _user: Viewer) -> FeedRow:
    return _open(await _known(feed_id))


@router.patch("/{feed_id}", summary="Switch a feed on or off, or change how often it is crawled")
async def change(feed_id: uuid.UUID, change: FeedChange, user: FeedEditor, now: Now) -> FeedRow:
    await _known(feed_id)
    database, redis = context().database, context().redis
    if change.interval_s is not None:
        await feeds.set_interval(database, user, "api", feed_id, dt.timedelta(seconds=change.interval_s), now=now)
    if change.enabled is True:
        await feeds.enable(database, redis, user, "api", [feed_id], now=now)
    elif change.enabled is False:
        await feeds.disable(database, user, "api", [feed_id], now=now)
    return _open(await _known(feed_id))


@router.delete("/{feed_id}", status_code=204, summary="Remove a feed with its articles")
async def remove(feed_id: uuid.UUID, user: FeedEditor) -> None:
    await feeds.remove(context().database, user, "api", feed_id)


@router.post("/{feed_id}/crawl", status_code=202, summary="Crawl a feed now")
async def crawl(feed_id: uuid.UUID, user: Crawler, now: Now) -> CrawlsAnswer:
    await _known(feed_id)
    return CrawlsAnswer.of(await feeds.crawl_now(context().database, context().redis, user, "api", [feed_id], now=now))


async def _known(feed_id: uuid.UUID) -> FeedRow:
    async with context().database.session() as session:
        feed = await queries.get(session, feed_id)
    if feed is None:
        raise NotFound("There is no such feed.")
    return feed


def _open(feed: FeedRow) -> FeedRow:
    """The feed as anyone may see it: an address can hold a password."""
    return replace(feed, url=shown(feed.url))

"""One crawl of one feed: fetch, parse, store, and say what became of it."""

import datetime as dt
import random
import uuid
from dataclasses import dataclass
from typing import assert_never

import aiohttp
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from core.db import Database
from core.errors import BadRequest, FeedUnreachable, FeedUnusable, RetryLater, Unavailable
from core.phrases import counted
from core.pipeline import turns
from core.pipeline.addresses import feed_url, shown
from core.pipeline.fetch import Fetched, Gone, NotModified, Validators, fetch
from core.pipeline.parsed import NotAFeed, ParsedFeed
from core.pipeline.parser import Parser
from core.queries import crawls
from core.queries.crawls import Claim, Said, Stored

log = structlog.get_logger(__name__)

# Longer than this is not the job's to wait for: the feed's next turn is put off instead.
LONGEST_RETRY_S = 300.0


@dataclass(frozen=True)
class CrawlOutcome:
    """`new` and `changed` need embedding and summarising. `result` or `error` is the sentence that the feed shows."""

    feed_id: uuid.UUID
    new: tuple[uuid.UUID, ...] = ()
    changed: tuple[uuid.UUID, ...] = ()
    result: str = ""
    error: str = ""

    @property
    def kind(self) -> str:
        """In a word, for counting: `failed`, `new` or `nothing new`."""
        return "failed" if self.error else "new" if self.new or self.changed else "nothing new"


async def crawl(
    feed_id: uuid.UUID, *, database: Database, http: aiohttp.ClientSession, parser: Parser, now: dt.datetime
) -> CrawlOutcome:
    """Crawls the feed, and records on it what came of it.

    What trying again would not change (404, not a feed, a refused address) is recorded and returned, and the feed
    waits for its next turn, longer each time. RetryLater and FeedUnreachable are recorded and raised, for the job to
    try again.
    """
    async with database.session() as session:
        feed = await crawls.claim(session, feed_id, now)
    if feed is None:
        return CrawlOutcome(feed_id, result="Not crawled: it was removed or switched off.")
    try:
        return await _crawl(feed, database, http, parser, now)
    except Unavailable:
        # Not the feed's fault.
        raise
    except FeedUnusable as error:
        await _failed(feed, database, str(error), now)
        return CrawlOutcome(feed_id, error=str(error))
    except RetryLater as error:
        await _failed(feed, database, str(error), now, wait_s=error.retry_after)
        if error.retry_after > LONGEST_RETRY_S:
            return CrawlOutcome(feed_id, error=str(error))
        raise
    except FeedUnreachable as error:
        await _failed(feed, database, str(error), now)
        raise
    except Exception as error:
        await _failed(feed, database, f"The crawl broke: {type(error).__name__}.", now)
        raise


async def _crawl(
    feed: Claim, database: Database, http: aiohttp.ClientSession, parser: Parser, now: dt.datetime
) -> CrawlOutcome:
    log.info("fetching", url=shown(feed.url), since=feed.last_modified, etag=feed.etag)
    answer = await fetch(http, feed.url, Validators(feed.etag, feed.last_modified))
    match answer:
        case Fetched():
            log.info("parsing", url=shown(answer.url), bytes=len(answer.body), content_type=answer.content_type)
            answer, parsed = await _parsed(answer, http, parser, now)
            return await _store(feed, answer, parsed, database, now)
        case NotModified(moved_to=moved_to):
            return await _unchanged(feed, moved_to, database, now)
        case Gone():
            reason = "The server says that this feed is gone for good (410)."
            async with database.session() as session:
                await crawls.switch_off(session, feed.id, reason)
            return CrawlOutcome(feed.id, error=reason)
        case _:
            assert_never(answer)


async def _parsed(
    answer: Fetched, http: aiohttp.ClientSession, parser: Parser, now: dt.datetime
) -> tuple[Fetched, ParsedFeed]:
    """The feed that was answered, or the one that the web page which was answered names: then that is its address."""
    try:
        return answer, await parser.parse(answer.body, answer.content_type, answer.url, now)
    except NotAFeed as error:
        if not error.links:
            raise
        link = error.links[0]
    found = await fetch(http, link)
    if not isinstance(found, Fetched):
        raise FeedUnusable(f"The page names {shown(link)} as its feed, but there is none.")
    try:
        parsed = await parser.parse(found.body, found.content_type, found.url, now)
    except NotAFeed:
        raise FeedUnusable(f"The page names {shown(link)} as its feed, but that is not one.") from None
    return Fetched(found.url, found.moved_to or link, found.body, found.content_type, found.validators), parsed


async def _store(
    feed: Claim, answer: Fetched, parsed: ParsedFeed, database: Database, now: dt.datetime
) -> CrawlOutcome:
    validators = answer.validators
    said = Said(parsed.title, parsed.site_url, parsed.ttl_s, validators.etag, validators.last_modified)
    due = turns.after_success(now, feed.interval_s, parsed.ttl_s, _spread())
    async with database.session() as session:
        if not await crawls.lock(session, feed.id):
            return CrawlOutcome(feed.id, result="Not stored: the feed was removed meanwhile.")
        moved = await _move(session, feed, answer.moved_to)
        stored = await crawls.store(session, feed.id, parsed.articles, now)
        result = _sentence(parsed, stored) + moved
        new = len(stored.new)
        await crawls.fresh(session, feed.id, now=now, next_due_at=due, result=result, said=said, new_articles=new)
    return CrawlOutcome(feed.id, stored.new, stored.changed, result)


async def _unchanged(feed: Claim, moved_to: str | None, database: Database, now: dt.datetime) -> CrawlOutcome:
    due = turns.after_success(now, feed.interval_s, feed.ttl_s, _spread())
    async with database.session() as session:
        result = "not modified" + await _move(session, feed, moved_to)
        await crawls.unchanged(session, feed.id, now=now, next_due_at=due, result=result)
    return CrawlOutcome(feed.id, result=result)


async def _move(session: AsyncSession, feed: Claim, moved_to: str | None) -> str:
    """Gives the feed its new address, and says so."""
    if moved_to is None:
        return ""
    try:
        url = feed_url(moved_to)
    except BadRequest:
        return ""
    if url == feed.url:
        return ""
    if await crawls.move(session, feed.id, url):
        return f"; moved to {shown(url)}"
    return f"; it moved to {shown(url)}, which is another feed here: remove one of the two"


async def _failed(feed: Claim, database: Database, error: str, now: dt.datetime, *, wait_s: float = 0.0) -> None:
    # Another attempt of the same turn is not another failure of the feed.
    errors = feed.errors_in_row + 1 if feed.was_due else max(1, feed.errors_in_row)
    due = turns.after_failure(now, max(feed.interval_s, feed.ttl_s or 0), errors, _spread())
    async with database.session() as session:
        await crawls.failed(
            session,
            feed.id,
            error=error,
            errors_in_row=errors,
            next_due_at=max(due, now + dt.timedelta(seconds=min(wait_s, turns.LONGEST_WAIT_S))),
        )


def _sentence(parsed: ParsedFeed, stored: Stored) -> str:
    """`30 articles, 3 new, 1 changed`."""
    parts = [counted(len(parsed.articles), "article")]
    parts += [f"{len(stored.new):,} new"] if stored.new else []
    parts += [f"{len(stored.changed):,} changed"] if stored.changed else []
    parts += ["nothing new"] if len(parts) == 1 else []
    parts += [f"{parsed.left_out:,} more left out"] if parsed.left_out else []
    return ", ".join(parts)


def _spread() -> float:
    return random.uniform(-1, 1)  # noqa: S311 - no secret

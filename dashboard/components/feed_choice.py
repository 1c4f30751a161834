"""Which feed a list is about, in its address as `feed`."""

import asyncio
import uuid
from dataclasses import dataclass

from nicegui import background_tasks

from core.errors import Unavailable
from core.pipeline.addresses import shown
from core.queries import feeds
from core.queries.feeds import FeedName
from dashboard.components.forms import choice
from dashboard.components.part import PROMPT_S
from dashboard.context import context

# More names than this make a list that nobody scrolls through; the page Feeds filters, and each feed there links back.
MOST = 300


@dataclass(frozen=True)
class FeedChoices:
    """The feeds to choose from, and the one that is chosen."""

    feeds: tuple[FeedName, ...]
    chosen: FeedName | None


async def choices(chosen: uuid.UUID | None) -> FeedChoices:
    """Never late and never a failure: without them a page has one filter less, and says elsewhere what is wrong."""
    reading: asyncio.Task[FeedChoices] = background_tasks.create(_read(chosen), name="read the feeds to choose from")
    await asyncio.wait({reading}, timeout=PROMPT_S)
    if reading.done():
        return reading.result()
    reading.cancel()
    return _unknown(chosen)


async def _read(chosen: uuid.UUID | None) -> FeedChoices:
    try:
        async with context().database.session() as session:
            found = await feeds.names(session, MOST)
            one = next((feed for feed in found if feed.id == chosen), None)
            if one is None and chosen is not None:
                one = await feeds.name(session, chosen)
    except Unavailable:
        return _unknown(chosen)
    return FeedChoices(found, one)


def _unknown(chosen: uuid.UUID | None) -> FeedChoices:
    return FeedChoices((), FeedName(chosen, "The feed in the address", "") if chosen else None)


def feed_choice(found: FeedChoices) -> None:
    options = {"": "All feeds"}
    if found.chosen is not None:
        options[str(found.chosen.id)] = title(found.chosen)
    options |= {str(feed.id): title(feed) for feed in found.feeds}
    choice("feed", str(found.chosen.id) if found.chosen else "", "Feed", options)


def title(feed: FeedName) -> str:
    return feed.title or shown(feed.url)

"""Which feed a list is about, in its address as `feed`."""

import uuid
from dataclasses import dataclass

from core.pipeline.addresses import shown
from core.queries import feeds
from core.queries.feeds import FeedName
from dashboard.components.forms import choice
from dashboard.context import context

# More names than this make a list that nobody scrolls through; the page Feeds filters, and each feed there links back.
MOST = 300


@dataclass(frozen=True)
class FeedChoices:
    """The feeds to choose from, and the one that is chosen; `cut` when there are more."""

    feeds: tuple[FeedName, ...]
    chosen: FeedName | None
    cut: bool


def read_id(given: str) -> uuid.UUID | None:
    """The id in an address; None for none, and for what is none."""
    try:
        return uuid.UUID(given)
    except ValueError:
        return None


async def choices(chosen: uuid.UUID | None) -> FeedChoices:
    """Raises what a session raises."""
    async with context().database.session() as session:
        found = await feeds.names(session, MOST + 1)
        one = next((feed for feed in found if feed.id == chosen), None)
        if one is None and chosen is not None:
            one = await feeds.name(session, chosen)
    return FeedChoices(found[:MOST], one, cut=len(found) > MOST)


def feed_choice(found: FeedChoices) -> None:
    options = {"": "All feeds"}
    if found.chosen is not None:
        options[str(found.chosen.id)] = title(found.chosen)
    options |= {str(feed.id): title(feed) for feed in found.feeds}
    choice("feed", str(found.chosen.id) if found.chosen else "", "Feed", options)


def title(feed: FeedName) -> str:
    return feed.title or shown(feed.url)

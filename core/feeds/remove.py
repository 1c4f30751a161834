"""Removing a feed."""

import uuid

from core.access import Action, User
from core.db import Database
from core.errors import NotFound
from core.pipeline.addresses import shown
from core.queries import feeds
from core.queries.feeds import FeedRow
from core.recording import Face, recorded


async def remove(database: Database, user: User | None, face: Face, feed_id: uuid.UUID) -> FeedRow:
    """Deletes the feed with its articles, and returns what it was. Raises NotFound, and what `recorded` raises."""
    async with recorded(database, user, face, Action.EDIT_FEEDS, str(feed_id), verb="remove") as recording:
        feed = await feeds.get(recording.session, feed_id)
        if feed is None or not await feeds.remove(recording.session, feed_id):
            raise NotFound("There is no such feed: someone removed it already.")
        recording.details |= {"url": shown(feed.url), "title": feed.title, "articles": feed.article_count}
    return feed

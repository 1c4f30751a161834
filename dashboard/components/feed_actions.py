"""What can be done to feeds: the buttons, and what they say afterwards."""

import uuid
from collections.abc import Awaitable, Callable, Sequence

from core import feeds
from core.feeds import Crawls
from core.queries import feeds as stored
from core.queries.feeds import FeedRow
from core.queues.enqueueing import Acceptance
from dashboard import acting
from dashboard.components.add_feeds import AddFeeds
from dashboard.components.feed_dialog import FeedDialog
from dashboard.components.feed_table import name
from dashboard.components.forms import Dialog
from dashboard.components.html import button, link
from dashboard.components.import_feeds import ImportFeeds
from dashboard.context import context
from dashboard.notices import notice

ONE = {
    Acceptance.ACCEPTED: "{} is queued.",
    Acceptance.WAITING: "{} waits in the queue already.",
    Acceptance.DELAYED: "{} waits for its next attempt already.",
    Acceptance.RUNNING: "{} is being crawled right now.",
}


class FeedActions:
    """`changed` reads the feeds again; its argument tells whether others may be there than before."""

    def __init__(self, changed: Callable[[bool], Awaitable[None]]) -> None:
        self._changed = changed
        dialog = Dialog("Feeds")
        self._adding, self._importing = AddFeeds(dialog, changed), ImportFeeds(dialog, changed)
        self._one = FeedDialog(dialog, changed)

    def buttons(self) -> None:
        """Those of the whole page."""
        button("Crawl all", self.crawl_all, command="Crawl all feeds now")
        self.import_button()
        link("Export OPML", "/feeds.opml", "btn")
        self.add_button()

    def add_button(self) -> None:
        button("Add feeds", self._adding.open, "primary", command="Add feeds")

    def import_button(self) -> None:
        button("Import OPML", self._importing.open, command="Import feeds from an OPML file")

    async def crawl(self, row: FeedRow) -> None:
        if not row.enabled:
            notice(f"{name(row)} is disabled: enable it first.", "warning")
            return
        said(await feeds.crawl_now(*await acting.queueing_to(), [row.id], now=acting.now()), name(row))
        await self._changed(False)

    async def crawl_shown(self, ids: Sequence[uuid.UUID]) -> None:
        said(await feeds.crawl_now(*await acting.queueing_to(), ids, now=acting.now()))
        await self._changed(False)

    async def crawl_all(self) -> None:
        said(await feeds.crawl_all(*await acting.queueing_to(), now=acting.now()))
        await self._changed(False)

    async def manage(self, row: FeedRow) -> None:
        """Opens the dialog of one feed, with it as it is now."""
        async with context().database.session() as session:
            fresh = await stored.get(session, row.id)
        if fresh is None:
            notice(f"{name(row)} is gone: someone removed it.", "warning")
            await self._changed(True)
        else:
            self._one.open(fresh)


def said(crawls: Crawls, feed: str = "") -> None:
    """What became of the wish to crawl, and what stands in its way."""
    states = [state for state, number in crawls.states.items() if number]
    text = ONE[states[0]].format(feed) if feed and len(states) == 1 else crawls.sentence
    hindrance = in_the_way()
    notice(" ".join(filter(None, (text, hindrance))), "positive" if crawls.accepted and not hindrance else "warning")


def in_the_way() -> str:
    """Why no crawl would start now, as far as the last snapshot knows; empty when nothing is in the way."""
    latest = context().poller.latest
    if latest is None or not latest.readings.queues.ok:
        return ""
    if any(queue.name == "crawl" and queue.paused for queue in latest.readings.queues.value or ()):
        return "The queue crawl is paused: it starts when someone resumes it."
    if latest.readings.workers.ok and not latest.readings.workers.value:
        return "No worker is running: it starts when one does."
    return ""

"""The feeds that are crawled next."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from core import feeds
from core.access import Action
from core.phrases import duration
from core.queries.feeds import FeedRow
from dashboard import acting
from dashboard.components.feed_actions import said
from dashboard.components.feed_table import name
from dashboard.components.html import Text, box, button, link, until
from dashboard.notices import notice
from dashboard.urls import url

COLUMNS = ("Feed", "Every", "Due")


class DueFeeds:
    """Drawn anew only when others are due, or at other times, than before. `changed` reads them again."""

    def __init__(self, changed: Callable[[], Awaitable[None]]) -> None:
        self._changed = changed
        with box("section", "card") as card:
            card.props["aria-labelledby"] = "due"
            with box(classes="head"):
                Text("h2", "Feeds due next").props("id=due")
                link("All feeds", "/feeds")
            self._body = box()
        self._shown: object = None

    def show(self, rows: Sequence[FeedRow]) -> None:
        seen = [(row.id, row.next_due_at) for row in rows]
        if seen == self._shown:
            return
        self._shown = seen
        self._body.clear()
        with self._body:
            if not rows:
                Text("p", "No feed is enabled, so none becomes due.", "empty")
                return
            with box("table", "plain stack").mark("due"):
                Text("caption", "Feeds due next", "visually-hidden")
                with box("thead"), box("tr"):
                    for column in COLUMNS:
                        Text("th", column).props("scope=col")
                    if acting.allowed(Action.CRAWL_FEED):
                        with box("th").props("scope=col"):
                            Text("span", "Actions", "visually-hidden")
                with box("tbody"):
                    for row in rows:
                        self._row(row)

    def _row(self, row: FeedRow) -> None:
        with box("tr"):
            with box("td", "what"):
                link(name(row), url("/articles", feed=row.id), "lede")
                if row.last_error:
                    Text("div", row.last_error, "under")
            Text("td", duration(max(row.interval_s, row.ttl_s or 0)), "soft-wide").props("data-label=every")
            with box("td", "soft-wide").props("data-label=due"):
                until(row.next_due_at)
            if acting.allowed(Action.CRAWL_FEED):
                with box("td", "r acts"):
                    now = button("Crawl now", partial(self._crawl, row), "small")
                    now.props["aria-label"] = f"Crawl now: {name(row)}"
                    off = button("Disable", partial(self._disable, row), "small")
                    off.props["aria-label"] = f"Disable: {name(row)}"

    async def _crawl(self, row: FeedRow) -> None:
        said(await feeds.crawl_now(*await acting.queueing_to(), [row.id], now=acting.now()), name(row))
        await self._changed()

    async def _disable(self, row: FeedRow) -> None:
        await feeds.disable(*await acting.recording_to(), [row.id], now=acting.now())
        notice(f"{name(row)} is off: it is not crawled until someone switches it on.", "warning")
        await self._changed()

"""One feed: what is known about it, how often it is crawled, switching it off, and removing it."""

import datetime as dt
from collections.abc import Awaitable, Callable

from core import feeds
from core.errors import BadRequest
from core.feeds.interval import LONGEST, SHORTEST
from core.phrases import counted, duration
from core.pipeline.addresses import shown
from core.queries.feeds import FeedRow
from dashboard import acting
from dashboard.components.feed_table import name, state
from dashboard.components.forms import Dialog, Field
from dashboard.components.html import Text, age, box, button
from dashboard.notices import notice


class FeedDialog:
    def __init__(self, dialog: Dialog, changed: Callable[[bool], Awaitable[None]]) -> None:
        self._dialog, self._changed = dialog, changed

    def open(self, feed: FeedRow) -> None:
        self._dialog.open(name(feed), lambda: self._draw(feed))

    def _draw(self, feed: FeedRow) -> None:
        facts(feed)
        minutes = Field("Minutes between crawls", value=f"{feed.interval_s // 60}")
        props = minutes.element.props
        props["type"], props["min"], props["max"] = "number", _minutes(SHORTEST), _minutes(LONGEST)
        with box(classes="actions end"):
            button("Remove…", lambda: self._ask(feed), "danger")
            box(classes="space")
            button("Disable" if feed.enabled else "Enable", lambda: self._switch(feed))
            button("Save", lambda: self._save(feed, minutes.value), "primary")

    async def _save(self, feed: FeedRow, minutes: str) -> None:
        try:
            interval = dt.timedelta(minutes=int(minutes))
        except (ValueError, OverflowError):
            raise BadRequest("The interval is a whole number of minutes.") from None
        await feeds.set_interval(*await acting.recording_to(), feed.id, interval, now=acting.now())
        await self._done(f"{name(feed)} is crawled every {duration(interval.total_seconds())}.")

    async def _switch(self, feed: FeedRow) -> None:
        if feed.enabled:
            await feeds.disable(*await acting.recording_to(), [feed.id], now=acting.now())
            await self._done(f"{name(feed)} is disabled: it keeps its articles and is not crawled.")
        else:
            crawls = await feeds.enable(*await acting.queueing_to(), [feed.id], now=acting.now())
            await self._done(f"{name(feed)} is enabled. {crawls.sentence}")

    async def _ask(self, feed: FeedRow) -> None:
        self._dialog.open(f"Remove {name(feed)}?", lambda: self._confirm(feed))

    def _confirm(self, feed: FeedRow) -> None:
        Text("p", f"{what_goes(feed.article_count)} This cannot be undone.")
        Text("p", shown(feed.url), "under")
        words = f"Remove it and {counted(feed.article_count, 'article')}" if feed.article_count else "Remove it"
        with box(classes="actions end"):
            self._dialog.cancel("Keep it")
            button(words, lambda: self._remove(feed), "danger")

    async def _remove(self, feed: FeedRow) -> None:
        gone = await feeds.remove(*await acting.recording_to(), feed.id)
        await self._done(f"{name(gone)} and {counted(gone.article_count, 'article')} are removed.", anew=True)

    async def _done(self, sentence: str, *, anew: bool = False) -> None:
        self._dialog.close()
        notice(sentence)
        await self._changed(anew)


def what_goes(articles: int) -> str:
    """What removing a feed takes along."""
    match articles:
        case 0:
            return "It has no articles."
        case 1:
            return "Its one article, with its embeddings and summary, goes with it."
        case _:
            return f"Its {articles:,} articles, with their embeddings and summaries, go with it."


def facts(feed: FeedRow) -> None:
    """What the table has no room for."""
    word, tone, why = state(feed)
    with box("dl", "facts"):
        Text("dt", "Address")
        Text("dd", shown(feed.url))
        Text("dt", "State")
        Text("dd", f"{word} {why}".strip(), tone)
        if feed.last_error and feed.errors_in_row:
            Text("dt", "Error")
            Text("dd", feed.last_error, "bad")
        Text("dt", "Last success")
        age(feed.last_success_at, suffix=" ago", tag="dd", unknown="never")
        if feed.ttl_s:
            Text("dt", "The feed asks for")
            Text("dd", f"{duration(feed.ttl_s)} between crawls, which is respected")
        Text("dt", "Added")
        age(feed.created_at, suffix=" ago", tag="dd")


def _minutes(interval: dt.timedelta) -> int:
    return int(interval.total_seconds() // 60)

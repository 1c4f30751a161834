"""Feeds, one a row."""

import uuid
from collections.abc import Awaitable, Callable, Sequence

from core.phrases import counted
from core.pipeline.addresses import shown
from core.queries.feeds import FAILING_AFTER, FeedRow
from dashboard.components.html import Text, age, box, button, link, set_age, set_until, until
from dashboard.urls import url

COLUMNS = ("Feed", "State", "Last result", "Crawled", "Next", "Articles")
Act = Callable[[FeedRow], Awaitable[None]]


class FeedTable:
    """`crawl` and `manage` are the actions of a row; without them there is no such column."""

    def __init__(self, rows: Sequence[FeedRow], crawl: Act | None, manage: Act | None) -> None:
        with box("table", "plain stack").mark("feeds"):
            Text("caption", "Feeds", "visually-hidden")
            with box("thead"), box("tr"):
                for name in COLUMNS:
                    Text("th", name, "r" if name == "Articles" else "").props("scope=col")
                if crawl and manage:
                    with box("th").props("scope=col"):
                        Text("span", "Actions", "visually-hidden")
            with box("tbody"):
                self._rows = {row.id: _Row(row, crawl, manage) for row in rows}

    def show(self, rows: Sequence[FeedRow]) -> None:
        """Those of its feeds that are among `rows`, as they are now. None moves under the reader's eyes."""
        for row in rows:
            if row.id in self._rows:
                self._rows[row.id].show(row)

    @property
    def ids(self) -> tuple[uuid.UUID, ...]:
        return tuple(self._rows)


class _Row:
    def __init__(self, row: FeedRow, crawl: Act | None, manage: Act | None) -> None:
        self._row = row
        self._buttons: dict[str, Text] = {}
        with box("tr"):
            with box("td", "what"):
                self._title = link("", url("/articles", feed=row.id), "lede")
                with box(classes="under"):
                    self._address = link(shown(row.url), shown(row.url))
                    self._site = link("Site ↗", row.site_url or "")
            with box("td"):
                self._state = Text("span")
                self._why = Text("div", "", "under")
            self._result = Text("td", "", "wrap")
            self._crawled = age(None, suffix=" ago", unknown="never", tag="td")
            self._due = until(None, tag="td")
            for cell, label in ((self._crawled, "crawled"), (self._due, "next")):
                cell.classes("soft-wide").props["data-label"] = label
            with box("td", "r").props("data-label=articles"):
                self._articles = link("", url("/articles", feed=row.id))
            if crawl and manage:
                self._actions(crawl, manage)
        self._draw(row)

    def _actions(self, crawl: Act, manage: Act) -> None:
        with box("td", "r acts"):
            self._buttons["Crawl {} now"] = button("Crawl now", lambda: crawl(self._row), "small")
            self._buttons["More about {}"] = button("⋯", lambda: manage(self._row), "small")
            self._buttons["More about {}"].props["aria-haspopup"] = "dialog"

    def show(self, row: FeedRow) -> None:
        if row != self._row:
            self._row = row
            self._draw(row)

    def _draw(self, row: FeedRow) -> None:
        self._title.say(name(row))
        for label, element in self._buttons.items():
            element.props["aria-label"] = label.format(name(row))
        # Until there is a title, the address stands in its place.
        self._address.set_visibility(bool(row.title))
        site = row.site_url if row.site_url and row.site_url.startswith(("http://", "https://")) else ""
        self._site.props["href"] = site or "#"
        self._site.set_visibility(bool(site))
        word, tone, why = state(row)
        self._state.say(word)
        self._state.classes(replace=tone)
        self._why.say(why)
        text, tone = result(row)
        self._result.say(text)
        self._result.classes(replace=f"wrap {tone}")
        set_age(self._crawled, row.last_crawled_at)
        set_until(self._due, row.next_due_at if row.enabled else None)
        self._articles.say(f"{row.article_count:,}")
        self._articles.props["aria-label"] = f"{counted(row.article_count, 'article')} of {name(row)}"


def name(row: FeedRow) -> str:
    """Its title, or its address until the first crawl has found one."""
    return row.title or shown(row.url)


def state(row: FeedRow) -> tuple[str, str, str]:
    """Word with icon, tone and reason."""
    if not row.enabled:
        return "‖ disabled", "mute", row.disabled_reason or "by a person"
    if row.errors_in_row >= FAILING_AFTER:
        return "▲ failing", "warn", f"{row.errors_in_row} times in a row"
    if row.last_crawled_at is None:
        return "… new", "mute", ""
    return "● enabled", "ok", ""


def result(row: FeedRow) -> tuple[str, str]:
    """What the last crawl found, or why it failed, and the tone."""
    if row.last_error and row.errors_in_row:
        return row.last_error, "bad"
    if row.last_result:
        return row.last_result, ""
    # One that said 410 was crawled and found nothing: what stands beside its state says why.
    return "not crawled yet" if row.last_crawled_at is None else "–", "mute"

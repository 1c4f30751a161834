"""What was crawled, newest first."""

import uuid
from dataclasses import dataclass, replace

from core.phrases import counted
from core.queries import articles as stored
from core.queries.articles import ArticleCursor, ArticlePage
from core.readings import Readings
from core.snapshot import Snapshot
from dashboard import acting, shell
from dashboard.components import span_choice
from dashboard.components.article_table import ArticleTable
from dashboard.components.feed_choice import FeedChoices, choices, feed_choice
from dashboard.components.forms import filters, text_filter
from dashboard.components.html import Text, box, link
from dashboard.components.pager import pager
from dashboard.components.part import Part
from dashboard.context import context
from dashboard.urls import cursor, place, read_id, url

PAGE = 50


@dataclass(frozen=True)
class Asked:
    """What the address asks for; what makes no sense in it counts as not said."""

    text: str
    feed: uuid.UUID | None
    within: str
    after: ArticleCursor | None

    @classmethod
    def read(cls, text: str, feed: str, within: str, after: str) -> "Asked":
        return cls(text.strip(), read_id(feed), span_choice.known(within), place(after, ArticleCursor))

    @property
    def url(self) -> str:
        return url("/articles", q=self.text, feed=self.feed, within=self.within, after=cursor(self.after))

    @property
    def first(self) -> "Asked":
        return replace(self, after=None)


async def articles(q: str = "", feed: str = "", within: str = "", after: str = "") -> None:
    asked = Asked.read(q, feed, within, after)
    found = await choices(asked.feed)
    with shell.frame("/articles", "Articles", "Reading…") as frame:
        _bar(asked, found)
        shown = _List(asked)
        part = Part(frame, shown.read, shown.draw, shown.update)

    def show(snapshot: Snapshot) -> None:
        frame.heading.say(headline(snapshot.readings))
        frame.lede.say(lede(snapshot.readings))

    frame.follow(show)
    part.follow(frame, sign)
    await part.open()


def sign(snapshot: Snapshot) -> object:
    """Changes when an article has come, or was embedded or summarised."""
    readings = snapshot.readings
    done = (reading.value.waiting if reading.value else None for reading in (readings.embedding, readings.summaries))
    return readings.newest_article.value, readings.feeds.value and readings.feeds.value.articles, *done


def headline(readings: Readings) -> str:
    """`2,697 articles from 85 feeds`."""
    counts = readings.feeds.value
    if counts is not None and not counts.articles:
        return "No articles yet"
    return f"{counted(counts.articles, 'article')} from {counted(counts.total, 'feed')}" if counts else "Articles"


def lede(readings: Readings) -> str:
    """How much of them the pipeline has still to do."""
    embedding, summaries, counts = readings.embedding, readings.summaries, readings.feeds.value
    if counts is not None and not counts.articles:
        return "They arrive with the first crawl of a feed."
    if not (embedding.ok and summaries.ok and embedding.value and summaries.value):
        return embedding.problem("Postgres")
    waits = [
        f"{progress.waiting} {'waits' if str(progress.waiting) == '1' else 'wait'} to be {word}"
        for progress, word in ((embedding.value, "embedded"), (summaries.value, "summarised"))
        if progress.waiting.value
    ]
    return f"{', '.join(waits)}." if waits else "All of them are embedded and summarised."


def _bar(asked: Asked, found: FeedChoices) -> None:
    with box(classes="bar"):
        with filters("/articles"):
            text_filter("q", asked.text, "Words in the title")
            feed_choice(found)
            span_choice.span_choice(asked.within)
        if asked.first.url != "/articles":
            link("Show all", "/articles", "btn")
        box(classes="space")
        link("Search by meaning", url("/search", q=asked.text, feed=asked.feed, within=asked.within), "btn")


class _List:
    """The articles of this page, or why there is none."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._table: ArticleTable | None = None

    async def read(self) -> ArticlePage:
        asked = self._asked
        since = span_choice.start(asked.within, acting.now())
        async with context().database.session() as session:
            return await stored.page(
                session, feed_id=asked.feed, words=asked.text, since=since, after=asked.after, limit=PAGE
            )

    def draw(self, page: ArticlePage) -> None:
        self._table = None
        if page.rows:
            self._table = ArticleTable(page.rows, context().settings, self._asked.url)
        elif page.next is None:
            self._nothing()
        if page.rows or page.next:
            pager(
                f"{counted(len(page.rows), 'article')} on this page",
                first=self._asked.first.url if self._asked.after else None,
                following=(self._onward(), replace(self._asked, after=page.next).url) if page.next else None,
            )

    def update(self, page: ArticlePage) -> bool:
        return self._table is not None and self._table.show(page.rows)

    def _onward(self) -> str:
        return "Look further back" if self._asked.text else f"Older {PAGE}"

    def _nothing(self) -> None:
        asked = self._asked
        with box("section", "card blank"):
            if asked.url != "/articles":
                Text("h2", "No article matches that")
                Text("p", "Words have to stand in the title. A search by meaning looks into the text.", "mute")
                link("Show all articles", "/articles", "btn")
                return
            Text("h2", "There is no article yet")
            Text("p", "Articles appear here seconds after a feed was added.", "mute")
            link("Open feeds", "/feeds", "btn primary")

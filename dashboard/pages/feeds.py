"""What is crawled, how that goes, and everything that can be done about it."""

import uuid
from dataclasses import dataclass, replace

from core.access import Action
from core.phrases import counted, listed
from core.queries import feeds as stored
from core.queries.feeds import FEED_STATES, FeedCounts, FeedCursor, FeedPage, FeedRow, FeedState
from core.snapshot import Snapshot
from dashboard import acting, shell
from dashboard.components.feed_actions import FeedActions
from dashboard.components.feed_table import FeedTable
from dashboard.components.forms import chip, filters, text_filter
from dashboard.components.html import Text, box, button, link
from dashboard.components.pager import pager
from dashboard.components.part import Part
from dashboard.context import context
from dashboard.urls import cursor, place, url

PAGE = 50


@dataclass(frozen=True)
class Asked:
    """What the address asks for; what makes no sense in it counts as not said."""

    text: str
    state: FeedState
    after: FeedCursor | None

    @classmethod
    def read(cls, text: str, state: str, after: str) -> "Asked":
        known: FeedState = next((s for s in FEED_STATES if s == state), "all")
        return cls(text.strip(), known, place(after, FeedCursor))

    @property
    def url(self) -> str:
        state = "" if self.state == "all" else self.state
        return url("/feeds", q=self.text, state=state, after=cursor(self.after))

    @property
    def first(self) -> "Asked":
        return replace(self, after=None)


async def feeds(q: str = "", state: str = "", after: str = "") -> None:
    asked = Asked.read(q, state, after)

    async def changed(anew: bool) -> None:
        await part.again(anew=anew)

    with shell.frame("/feeds", "Feeds", "Reading…") as frame:
        actions = FeedActions(changed)
        chips = _bar(asked, actions)
        table = _Table(asked, actions)
        part = Part(frame, table.read, table.draw, table.update)

    def show(snapshot: Snapshot) -> None:
        counts = snapshot.readings.feeds
        frame.heading.say(headline(counts.value) if counts.value else "Feeds")
        frame.lede.say(lede(counts.value) if counts.ok and counts.value else counts.problem("Postgres"))
        for name, element in chips.items():
            element.say(f"{name.capitalize()} {_number(counts.value, name)}".strip())

    frame.follow(show)
    part.follow(frame, lambda snapshot: snapshot.readings.feeds.value)
    await part.open()


def headline(counts: FeedCounts) -> str:
    """`85 feeds, 3 failing`."""
    if not counts.total:
        return "Feeds"
    found = {"failing": counts.failing, "disabled": counts.disabled}
    return ", ".join(
        [counted(counts.total, "feed"), *(f"{number:,} {word}" for word, number in found.items() if number)]
    )


def lede(counts: FeedCounts) -> str:
    """What they brought and what is due, in a line."""
    if not counts.total:
        return "Nothing is crawled until there is one."
    due = f"{counts.due:,} {'is' if counts.due == 1 else 'are'} due now" if counts.due else "none is due right now"
    return f"They brought {counted(counts.articles, 'article')}; {due}."


def _number(counts: FeedCounts | None, state: str) -> str:
    if counts is None:
        return ""
    return f"{counts.total if state == 'all' else getattr(counts, state):,}"


def _bar(asked: Asked, actions: FeedActions) -> dict[FeedState, Text]:
    """Filters on the left, what can be done on the right."""
    with box(classes="bar"):
        with filters("/feeds", state="" if asked.state == "all" else asked.state):
            text_filter("q", asked.text, "Title or address")
        with box(classes="chips flat"):
            chips = {
                state: chip(state.capitalize(), replace(asked.first, state=state).url, on=state == asked.state)
                for state in FEED_STATES
            }
        box(classes="space")
        if acting.allowed(Action.EDIT_FEEDS):
            with box(classes="actions"):
                actions.buttons()
    return chips


@dataclass(frozen=True)
class Found:
    """A page of feeds, and those that were shown before and are not on it any more."""

    page: FeedPage
    others: tuple[FeedRow, ...] = ()


class _Table:
    """The feeds of this page, or why there is none."""

    def __init__(self, asked: Asked, actions: FeedActions) -> None:
        self._asked, self._actions = asked, actions
        self._table: FeedTable | None = None

    async def read(self) -> Found:
        asked = self._asked
        async with context().database.session() as session:
            page = await stored.page(session, text=asked.text, state=asked.state, after=asked.after, limit=PAGE)
            others = self._shown - {row.id for row in page.rows}
            return Found(page, await stored.some(session, others) if others else ())

    def draw(self, found: Found) -> None:
        self._table = None
        if not found.page.rows:
            self._nothing()
            return
        self._news = link("↻ The list has changed: show it anew", self._asked.url, "news")
        self._news.set_visibility(False)
        acts = acting.allowed(Action.CRAWL_FEED)
        with box("section", "card flush").props("aria-label=Feeds"):
            self._table = FeedTable(
                found.page.rows, self._actions.crawl if acts else None, self._actions.manage if acts else None
            )
        self._foot(found.page, acts=acts)

    def update(self, found: Found) -> bool:
        if self._table is None:
            return False
        self._table.show((*found.page.rows, *found.others))
        self._news.set_visibility(self._shown != {row.id for row in found.page.rows})
        return True

    @property
    def _shown(self) -> set[uuid.UUID]:
        return set(self._table.ids) if self._table is not None else set()

    def _foot(self, page: FeedPage, *, acts: bool) -> None:
        table, first = self._table, self._asked.first.url
        following = replace(self._asked, after=page.next).url
        with box(classes="foot"):
            pager(
                f"{counted(len(page.rows), 'feed')} on this page",
                first=first if self._asked.after else None,
                following=(f"Next {PAGE}", following) if page.next else None,
            )
            if acts and table is not None and first != "/feeds":
                button(
                    "Crawl this one" if len(page.rows) == 1 else f"Crawl these {len(page.rows)}",
                    lambda: self._actions.crawl_shown(table.ids),
                )

    def _nothing(self) -> None:
        with box("section", "card blank"):
            if self._asked.first.url != "/feeds":
                said = [f"“{self._asked.text}”" if self._asked.text else ""]
                said += ["" if self._asked.state == "all" else f"the state {self._asked.state}"]
                Text("h2", f"No feed with {listed([*filter(None, said)])}")
                link("Show all feeds", "/feeds", "btn")
                return
            Text("h2", "There is no feed yet")
            Text(
                "p",
                "Paste the address of a feed or of a site, or import the OPML file that your reader exports.",
                "mute",
            )
            if acting.allowed(Action.EDIT_FEEDS):
                with box(classes="actions"):
                    self._actions.add_button()
                    self._actions.import_button()

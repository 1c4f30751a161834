"""Articles, one a row, newest first."""

from collections.abc import Sequence

from core.config import Settings
from core.phrases import counted
from core.queries.articles import ArticleRow
from dashboard.components.html import Text, box, link
from dashboard.components.moments import moment
from dashboard.urls import url

COLUMNS = ("Article", "Feed", "Published", "Embedded", "Summary")


class ArticleTable:
    """`here` is the address of this list: where what has come meanwhile is shown."""

    def __init__(self, rows: Sequence[ArticleRow], settings: Settings, here: str) -> None:
        self._settings = settings
        self._news = link("", here, "news")
        self._news.set_visibility(False)
        with box("section", "card flush").props("aria-label=Articles"), box("table", "plain stack").mark("articles"):
            Text("caption", "Articles", "visually-hidden")
            with box("thead"), box("tr"):
                for name in COLUMNS:
                    Text("th", name).props("scope=col")
            with box("tbody"):
                self._rows = {row.id: _Row(row, settings) for row in rows}

    def show(self, rows: Sequence[ArticleRow]) -> bool:
        """What is on the page as it is now. What is new is announced only: no row moves under the reader's eyes."""
        new = 0
        for row in rows:
            if row.id in self._rows:
                self._rows[row.id].show(row, self._settings)
            else:
                new += 1
        number = counted(new, "new article") if new < len(rows) else f"{new} new articles or more"
        self._news.say(f"↑ {number}: show")
        self._news.set_visibility(new > 0)
        return True


class _Row:
    def __init__(self, row: ArticleRow, settings: Settings) -> None:
        with box("tr"):
            with box("td", "what"):
                link(row.title or "(no title)", f"/articles/{row.id}", "lede")
                self._summary = Text("div", row.summary or "", "under clamp")
            with box("td", "from"):
                link(row.feed_title or "(no title yet)", url("/articles", feed=row.feed_id), "quiet")
            with box("td", "soft-wide"):
                # What the feed gave no date for is as old as its arrival here.
                moment(row.sort_at, prefix="" if row.published_at else "arrived ")
            self._embedded, self._summarised = (
                Text("td", "", "soft-wide").props(f"data-label={name}") for name in ("Embedded", "Summary")
            )
        self.show(row, settings)

    def show(self, row: ArticleRow, settings: Settings) -> None:
        self._summary.say(row.summary or "")
        _mark(self._embedded, row.embedding_model == settings.active_embedding_model)
        _mark(self._summarised, row.summary_model == settings.active_summary_model)


def _mark(cell: Text, done: bool) -> None:
    cell.say("● yes" if done else "… waits")
    cell.classes(replace=f"soft-wide {'ok' if done else 'mute'}")

"""One article: what came in, and what the models made of it."""

from collections.abc import Awaitable, Callable

from core import articles
from core.access import Action
from core.articles import Asked
from core.config import Settings
from core.errors import NotFound
from core.phrases import counted
from core.pipeline.addresses import shown
from core.queries import articles as stored
from core.queries.articles import ArticleDetail
from dashboard import acting, shell
from dashboard.components.html import Text, box, button, link
from dashboard.components.moments import moment
from dashboard.components.part import Part
from dashboard.context import context
from dashboard.notices import notice
from dashboard.pages.articles import sign
from dashboard.urls import read_id, url

# A browser stays quick with this much; the rest of a longer text is at its source.
MOST_TEXT = 40_000


async def article(article_id: str) -> None:
    wanted = read_id(article_id)

    async def read() -> ArticleDetail | None:
        if wanted is None:
            return None
        async with context().database.session() as session:
            return await stored.get(session, wanted)

    with shell.frame("/articles", "Article") as frame:
        page = _Article(frame, lambda: part.again(anew=False))
        part = Part(frame, read, page.draw, page.update)
    part.follow(frame, sign)
    await part.open()


class _Article:
    def __init__(self, frame: shell.Frame, changed: Callable[[], Awaitable[None]]) -> None:
        self._frame, self._changed = frame, changed
        self._shown: ArticleDetail | None = None

    def draw(self, article: ArticleDetail | None) -> None:
        self._shown = article
        if article is None:
            self._frame.heading.say("There is no such article")
            self._frame.lede.say("It may have gone with its feed.")
            link("Show all articles", "/articles", "btn")
            return
        self._frame.heading.say(article.title or "(no title)")
        _origin(article)
        with box(classes="grid read"):
            _text(article)
            with box():
                self._summary = _Made("Summary", "Summarise again", lambda: self._again(articles.summarise_again))
                self._embedding = _Made("Embedding", "Embed again", lambda: self._again(articles.embed_again))
        self._say(article)

    def update(self, article: ArticleDetail | None) -> bool:
        before = self._shown
        if article is None or before is None or (article.title, article.text) != (before.title, before.text):
            return False
        self._shown = article
        self._say(article)
        return True

    def _say(self, article: ArticleDetail) -> None:
        settings = context().settings
        self._summary.show(article.summary or "", *summary_state(article, settings))
        self._embedding.show("", *embedding_state(article, settings))

    async def _again(self, verb: Callable[..., Awaitable[Asked]]) -> None:
        if self._shown is None:
            raise NotFound
        asked = await verb(*await acting.queueing_to(), self._shown.id)
        notice(asked, "positive" if asked is Asked.QUEUED else "warning")
        await self._changed()


class _Made:
    """What a model made of it: a card with the state, the words if there are any, and the wish for it again."""

    def __init__(self, title: str, again: str, act: Callable[[], Awaitable[None]]) -> None:
        with box("section", "card side-card") as card:
            card.props["aria-label"] = title
            with box(classes="head"):
                Text("h2", title)
                self._state = Text("span")
            self._words = Text("p", "", "words")
            self._detail = Text("p", "", "under")
            if acting.allowed(Action.REDO_ARTICLE):
                with box(classes="actions"):
                    button(again, act, "small", command=again)

    def show(self, words: str, state: str, tone: str, detail: str) -> None:
        self._words.say(words)
        self._words.set_visibility(bool(words))
        self._state.say(state)
        self._state.classes(replace=f"pill {tone}")
        self._detail.say(detail)


def summary_state(article: ArticleDetail, settings: Settings) -> tuple[str, str, str]:
    """State, tone and sentence."""
    active = settings.active_summary_model
    if article.summary_model == active:
        return "● done", "ok", f"Written by {active}." if article.summary else f"{active} found nothing to summarise."
    if article.summary_model:
        return "… waits", "", f"Written by {article.summary_model}; {active} writes it anew."
    return "… waits", "", f"{active} has still to write it." if not article.summary else f"{active} writes it anew."


def embedding_state(article: ArticleDetail, settings: Settings) -> tuple[str, str, str]:
    """State, tone and sentence."""
    active = settings.active_embedding_model
    chunks = counted(article.chunks, "chunk")
    if article.embedding_model == active:
        return ("● done", "ok", f"{chunks} by {active}.") if article.chunks else ("● done", "ok", "It has no words.")
    if article.embedding_model:
        return "… waits", "", f"{chunks} by {article.embedding_model}; a search finds it when {active} has embedded it."
    return "… waits", "", f"A search finds it when {active} has embedded it."


def _origin(article: ArticleDetail) -> None:
    """Where it comes from."""
    with box("p", "origin"):
        link(article.feed_title or shown(article.feed_url), url("/articles", feed=article.feed_id))
        if article.author:
            Text("span", article.author)
        if article.published_at:
            moment(article.published_at, prefix="published ")
        moment(article.created_at, prefix="arrived ")
        if article.url and article.url.startswith(("http://", "https://")):
            link("Read it at its source ↗", shown(article.url))


def _text(article: ArticleDetail) -> None:
    with box("section", "card prose") as card:
        card.props["aria-label"] = "Text"
        paragraphs = [line for line in article.text[:MOST_TEXT].splitlines() if line.strip()]
        for paragraph in paragraphs:
            Text("p", paragraph)
        if not paragraphs:
            Text("p", "The feed gave no text with it.", "mute")
        if len(article.text) > MOST_TEXT:
            Text("p", f"These are the first {MOST_TEXT:,} of {len(article.text):,} characters.", "under")

"""Finding articles by what they mean."""

import time
import uuid
from dataclasses import dataclass, replace

from core.errors import BadRequest
from core.phrases import counted, milliseconds
from core.pipeline import search as finding
from core.pipeline.search import MOST_CHARACTERS, MOST_HITS, SearchHit
from core.readings import Readings
from core.snapshot import Snapshot
from dashboard import acting, shell
from dashboard.components import span_choice
from dashboard.components.feed_choice import FeedChoices, choices, feed_choice
from dashboard.components.forms import filters, text_filter
from dashboard.components.html import Text, box, link
from dashboard.components.part import Part
from dashboard.components.search_results import search_results
from dashboard.context import context
from dashboard.urls import read_id, url

FIRST, MORE = 20, 20


@dataclass(frozen=True)
class Asked:
    """What the address asks for; what makes no sense in it counts as not said."""

    words: str
    feed: uuid.UUID | None
    within: str
    number: int

    @classmethod
    def read(cls, words: str, feed: str, within: str, number: str) -> "Asked":
        most = min(int(number), MOST_HITS) if number.isdecimal() and len(number) < 4 else FIRST
        return cls(words.strip(), read_id(feed), span_choice.known(within), max(FIRST, most))

    @property
    def url(self) -> str:
        number = self.number if self.number > FIRST else ""
        return url("/search", q=self.words, feed=self.feed, within=self.within, n=number)

    @property
    def is_filtered(self) -> bool:
        return bool(self.feed or self.within)


@dataclass(frozen=True)
class Found:
    """`refused` says why nothing was looked for; `seconds` is how long it took."""

    hits: tuple[SearchHit, ...] = ()
    seconds: float = 0.0
    model: str = ""
    refused: str = ""


async def search(q: str = "", feed: str = "", within: str = "", n: str = "") -> None:
    asked = Asked.read(q, feed, within, n)
    found = await choices(asked.feed)
    with shell.frame("/search", "Search", "Reading…") as frame:
        _bar(asked, found)
        if not asked.words:
            _invitation()
        else:
            part = Part(frame, lambda: look(asked), lambda found: _show(asked, found))
            part.follow(frame, lambda _: None)

    frame.follow(lambda snapshot: frame.lede.say(lede(snapshot)))
    if asked.words:
        await part.open()


async def look(asked: Asked) -> Found:
    """Raises what a search raises, except for words that make no sense: those are an answer."""
    started = time.perf_counter()
    embedder = context().embedder
    since = span_choice.start(asked.within, acting.now())
    try:
        hits = await finding.search(
            context().database, embedder, asked.words, limit=asked.number, feed_id=asked.feed, since=since
        )
    except BadRequest as error:
        return Found(refused=str(error))
    return Found(hits, time.perf_counter() - started, embedder.model)


def lede(snapshot: Snapshot) -> str:
    """How much can be found, with which model: what explains a missing result."""
    model = context().settings.active_embedding_model
    counts, embedding = snapshot.readings.feeds, snapshot.readings.embedding
    if not (counts.ok and embedding.ok and counts.value and embedding.value):
        return f"By meaning, with {model}. {counts.problem('Postgres')}"
    if not counts.value.articles:
        return f"By meaning, with {model}. There is no article yet."
    waiting = embedding.value.waiting
    if not waiting.value:
        return f"By meaning, with {model}. All {counted(counts.value.articles, 'article')} can be found."
    return (
        f"By meaning, with {model}. Of {counted(counts.value.articles, 'article')}, "
        f"{waiting} cannot be found yet: they wait to be embedded."
    )


def _bar(asked: Asked, found: FeedChoices) -> None:
    with box(classes="bar"), filters("/search"):
        text_filter("q", asked.words, "A question, a topic, a phrase", wide=True, most=MOST_CHARACTERS)
        feed_choice(found)
        span_choice.span_choice(asked.within)


def _invitation() -> None:
    with box("section", "card blank"):
        Text("h2", "What are you looking for?")
        Text("p", "Articles are found by what they mean: theirs and your words need not be the same.", "mute")
        with box(classes="actions"):
            for words in ("compiler optimisation", "rising interest rates", "life on a small farm"):
                link(words, url("/search", q=words), "chip")


def _show(asked: Asked, found: Found) -> None:
    if found.refused:
        _blank(found.refused)
    elif found.hits:
        took = milliseconds(found.seconds * 1000)
        Text("p", f"The {counted(len(found.hits), 'nearest article', 'nearest articles')}, in {took}.", "under took")
        search_results(found.hits, asked.words)
        if len(found.hits) == asked.number and asked.number < MOST_HITS:
            more = replace(asked, number=min(MOST_HITS, asked.number + MORE))
            with box(classes="foot"):
                link(f"Show {more.number}", more.url, "btn")
    else:
        _nothing(asked)


def _nothing(asked: Asked) -> None:
    latest = context().poller.latest
    if latest is not None and is_nothing_embedded(latest.readings):
        _blank(
            "Nothing is embedded yet",
            "An article can be found as soon as it is embedded. The queues show how that goes.",
            ("Open queues", "/queues"),
        )
    elif asked.is_filtered:
        _blank("Nothing was found among those", "", ("Search everywhere", url("/search", q=asked.words)))
    else:
        _blank("Nothing was found", "The model knows none of these words, or nothing is embedded yet.")


def is_nothing_embedded(readings: Readings) -> bool:
    counts, embedding = readings.feeds.value, readings.embedding.value
    return counts is None or embedding is None or embedding.waiting.value >= counts.articles


def _blank(title: str, text: str = "", onward: tuple[str, str] | None = None) -> None:
    with box("section", "card blank"):
        Text("h2", title)
        if text:
            Text("p", text, "mute")
        if onward:
            link(*onward, "btn")

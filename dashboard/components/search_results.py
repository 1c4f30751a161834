"""What a search found: one card an article, the nearest first."""

from collections.abc import Sequence

from core.pipeline.addresses import shown
from core.pipeline.search import SearchHit
from core.pipeline.snippet import marked
from dashboard.components.html import Text, box, link
from dashboard.components.moments import moment
from dashboard.urls import url


def search_results(hits: Sequence[SearchHit], words: str) -> None:
    with box("ol", "card flush hits").mark("hits"):
        for hit in hits:
            _hit(hit, words)


def _hit(hit: SearchHit, words: str) -> None:
    with box("li", "hit"):
        _score(hit.score)
        with box(classes="say"):
            link(hit.title or "(no title)", f"/articles/{hit.article_id}", "lede")
            with box("p", "snippet"):
                for piece, shared in marked(hit.snippet, words):
                    Text("mark" if shared else "span", piece)
            with box("p", "origin"):
                link(hit.feed_title or "(no title yet)", url("/search", q=words, feed=hit.feed_id))
                moment(hit.published_at)
                if hit.url and hit.url.startswith(("http://", "https://")):
                    link("Source ↗", shown(hit.url))


def _score(score: float) -> None:
    """As a number and as a bar: from 0, nothing in common, to 1, the same."""
    with box(classes="score") as cell:
        cell.props["title"] = f"Cosine similarity {score:.3f}"
        Text("span", f"{score:.2f}")
        with box(classes="meter").props("aria-hidden=true"):
            box("i").style(f"width:{max(0.0, min(1.0, score)):.0%}")

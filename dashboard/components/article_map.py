"""The points of the map. Pure: articles to a Plotly figure."""

import datetime as dt
import html
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from core.indexes.map import ArticleMap
from core.queries.article_map import Placed

COLOURINGS: Mapping[str, str] = {"feed": "Colour by feed", "age": "Colour by age"}
# Told apart in both themes, also by people who see red and green alike (Okabe and Ito, 2008, adapted); then grey.
_COLOURS = ("#5b5fef", "#d9822b", "#0a9fc4", "#b8509b", "#3f9a6d", "#c2a500", "#e5484d", "#7a6652")
_OTHERS = "#8a94a6"


def figure(drawn: ArticleMap, colour: str) -> dict[str, Any]:
    """A trace for each of the largest feeds and one for the others, or one whose colours tell the age."""
    traces = _by_feed(drawn) if colour == "feed" else [_by_age(drawn)]
    hidden = {"visible": False, "fixedrange": False}
    return {
        "data": traces,
        "layout": {
            "margin": {"l": 4, "r": 4, "t": 4, "b": 4},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "hovermode": "closest",
            "dragmode": "pan",
            "xaxis": hidden,
            "yaxis": hidden | {"scaleanchor": "x"},
            "legend": {"orientation": "h", "y": -0.02, "font": {"size": 11, "color": _OTHERS}},
            "uirevision": "same",
        },
        "config": {"displayModeBar": False, "responsive": True, "scrollZoom": True},
    }


def _by_feed(drawn: ArticleMap) -> list[dict[str, Any]]:
    largest = [name for name, _ in Counter(a.feed for a in drawn.articles).most_common(len(_COLOURS))]
    traces = []
    for name, colour in [*zip(largest, _COLOURS, strict=False), (None, _OTHERS)]:
        others = name is None
        chosen = [i for i, a in enumerate(drawn.articles) if (a.feed not in largest if others else a.feed == name)]
        if chosen:
            title = "other feeds" if name is None else _escaped(name) or "without a title"
            traces.append(_trace(drawn, chosen) | {"name": title, "marker": _marker(colour)})
    return traces


def _by_age(drawn: ArticleMap) -> dict[str, Any]:
    now = max(article.sort_at for article in drawn.articles)
    days = [(now - article.sort_at) / dt.timedelta(days=1) for article in drawn.articles]
    # Ranks, since a few old articles would make all the others look the same.
    order = {day: rank for rank, day in enumerate(sorted(set(days)))}
    ages = [order[day] / max(len(order) - 1, 1) for day in days]
    marker = _marker(ages) | {"colorscale": [[0, "#5b5fef"], [1, "#c9a13b"]], "showscale": False}
    return _trace(drawn, range(len(drawn.articles))) | {"marker": marker, "showlegend": False}


def _trace(drawn: ArticleMap, chosen: Sequence[int]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [round(float(drawn.places[i, 0]), 4) for i in chosen],
        "y": [round(float(drawn.places[i, 1]), 4) for i in chosen],
        "text": [_label(drawn.articles[i]) for i in chosen],
        "customdata": [str(drawn.articles[i].id) for i in chosen],
        "hovertemplate": "%{text}<extra></extra>",
    }


def _marker(colour: object) -> dict[str, Any]:
    return {"color": colour, "size": 7, "opacity": 0.8, "line": {"width": 0}}


def _label(article: Placed) -> str:
    title = article.title if len(article.title) <= 90 else f"{article.title[:89]}…"
    day = article.sort_at.astimezone().strftime("%Y-%m-%d")
    return f"{_escaped(title) or 'untitled'}<br>{_escaped(article.feed)}, {day}"


def _escaped(text: str) -> str:
    """Plotly takes some HTML in a label: a title must not be taken for it. `&quot;` it does not know."""
    return html.escape(text, quote=False)

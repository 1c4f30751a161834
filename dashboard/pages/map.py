"""A map of the newest articles: what is alike lies close together."""

from nicegui import ui
from nicegui.events import GenericEventArguments

from core.indexes.map import FEW, ArticleMap, latest
from core.phrases import counted
from dashboard import shell, urls
from dashboard.components.article_map import COLOURINGS, figure
from dashboard.components.forms import chip
from dashboard.components.html import Text, box, link, prose
from dashboard.components.part import Part
from dashboard.context import context

PATH = "/map"
LEDE = (
    "Each point is one of the newest articles; what is alike lies close together. Hover for the title, click to read."
)


async def map_page(*, colour: str = "feed") -> None:
    waits: list[bool] = []
    colour = colour if colour in COLOURINGS else "feed"
    with shell.frame(PATH, "Map", LEDE) as frame:
        part = Part(frame, _read, lambda drawn: waits.append(_draw(drawn, colour)))
        # What is on the way is looked for with every poll; what is there stays under the pointer.
        part.follow(frame, lambda snapshot: snapshot.at if waits[-1:] == [True] else None, lambda read: read.redis)
    await part.open()


async def _read() -> ArticleMap | None:
    return await latest(context().redis, context().settings.active_embedding_model)


def _draw(drawn: ArticleMap | None, colour: str) -> bool:
    """Whether it is still to come."""
    if drawn is None:
        with box("section", "card blank"):
            Text("h2", "The map is not drawn yet")
            prose(
                "p",
                "A worker draws it, and it appears here. Without one it waits: `signalist worker` starts one.",
                "mute",
            )
    else:
        _show(drawn, colour)
    return drawn is None


def _show(drawn: ArticleMap, colour: str) -> None:
    if len(drawn.articles) < FEW:
        with box("section", "card blank"):
            Text("h2", "Too few articles to draw a map")
            Text("p", "Three embedded articles make one. Add a feed, and come back in a minute.", "mute")
        return
    with box(classes="chips"):
        for value, words in COLOURINGS.items():
            chip(words, urls.url(PATH, colour=value), on=value == colour)
    with box("section", "card"):
        with box(classes="head"):
            Text("h2", f"{counted(len(drawn.articles), 'article')}, by principal components")
            link("The same articles as a list", "/articles")
        plot = ui.plotly(figure(drawn, colour)).classes("map")
        plot.props('role=img aria-label="Map of the articles; the list of articles has the same ones"')
        plot.on("plotly_click", _open)
        share = f"{drawn.explained:.0%}".replace("%", " %")
        Text("p", f"Two of many dimensions: they hold {share} of what tells these articles apart.", "under")


def _open(event: GenericEventArguments) -> None:
    points = event.args.get("points") if isinstance(event.args, dict) else None
    if points and (article := points[0].get("customdata")):
        ui.navigate.to(f"/articles/{article}")

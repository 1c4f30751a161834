"""`signalist search`: articles by what they mean."""

import asyncio
from typing import Annotated

import typer

from core.pipeline.models import make_embedder
from core.pipeline.search import SearchHit
from core.pipeline.search import search as find
from dashboard.cli.output import AsJson, say, write_json, write_table
from dashboard.cli.servers import connected

app = typer.Typer(add_completion=False)


@app.command()
def search(
    words: Annotated[list[str], typer.Argument(help="What it is about.")],
    *,
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many articles at most.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Find the articles that are nearest in meaning, best first."""
    found = asyncio.run(_search(" ".join(words), limit))
    if as_json:
        write_json(found)
    elif found:
        rows = [(f"{hit.score:.2f}", hit.published_at.date(), hit.title, hit.feed_title, hit.url) for hit in found]
        write_table(("score", "published", "title", "feed", "address"), rows)
    else:
        say("Nothing was found: no article is embedded with the active model.")


async def _search(words: str, limit: int) -> tuple[SearchHit, ...]:
    async with connected() as servers:
        embedder = make_embedder(servers.settings)
        try:
            return await find(servers.database, embedder, words, limit=limit)
        finally:
            await embedder.close()

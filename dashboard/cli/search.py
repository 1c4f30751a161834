"""`signalist search`: articles by what they mean."""

import asyncio
from typing import Annotated, Any

import typer
from pydantic_core import to_jsonable_python

from core.config import settings
from dashboard.cli.output import AsJson, say, write_json, write_table
from dashboard.local_search import ask

app = typer.Typer(add_completion=False)


@app.command()
def search(
    words: Annotated[list[str], typer.Argument(help="What it is about.")],
    *,
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many articles at most.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Find the articles that are nearest in meaning, best first."""
    wanted = " ".join(words)
    found = ask(settings(), wanted, limit)
    if found is None:
        found = asyncio.run(_search(wanted, limit))
    if as_json:
        write_json(found)
    elif found:
        rows = [
            (f"{hit['score']:.2f}", hit["published_at"][:10], hit["title"], hit["feed_title"], hit["url"])
            for hit in found
        ]
        write_table(("score", "published", "title", "feed", "address"), rows)
    else:
        say("Nothing was found: no article is embedded with the active model.")


async def _search(words: str, limit: int) -> list[dict[str, Any]]:
    # Two seconds, which a running dashboard spares.
    from core import logs  # noqa: PLC0415
    from core.pipeline.models import make_embedder  # noqa: PLC0415
    from core.pipeline.search import search as find  # noqa: PLC0415
    from dashboard.cli.servers import connected  # noqa: PLC0415

    logs.configure(settings())
    async with connected() as servers:
        embedder = make_embedder(servers.settings)
        try:
            found: list[dict[str, Any]] = to_jsonable_python(await find(servers.database, embedder, words, limit=limit))
            return found
        finally:
            await embedder.close()

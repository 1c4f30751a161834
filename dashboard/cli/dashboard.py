"""`signalist dashboard`: the pages and the HTTP API."""

import typer

from dashboard import main

app = typer.Typer(add_completion=False)


@app.command()
def dashboard() -> None:
    """Serve the pages, /health and /api on HOST and PORT."""
    main.run()

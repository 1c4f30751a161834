"""`signalist scheduler`: decides what is due."""

import typer

from workers import scheduler as schedule

app = typer.Typer(add_completion=False)


@app.command()
def scheduler() -> None:
    """Hand out crawls that are due and work that is missing. Any number may run; one leads, the others stand by."""
    schedule.run()

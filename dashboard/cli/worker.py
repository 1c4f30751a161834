"""`signalist worker`: runs the jobs."""

from typing import Annotated

import typer

from workers import worker as jobs

app = typer.Typer(add_completion=False)


@app.command()
def worker(
    *,
    processes: Annotated[int, typer.Option(min=1, help="Embedding takes a processor each.")] = 2,
    slots: Annotated[int, typer.Option(min=1, help="Jobs that each process runs at once.")] = 8,
) -> None:
    """Run jobs until SIGTERM or Ctrl-C; what runs then is finished or handed back."""
    raise typer.Exit(jobs.run(processes, slots))

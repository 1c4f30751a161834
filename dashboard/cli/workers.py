"""`signalist workers`: the processes that run the jobs, draining them and replacing them."""

import asyncio
import datetime as dt
from typing import Annotated

import typer

from core.phrases import duration
from core.queues import WorkerBeat, worker_beats
from core.worker_verbs import Verb, ask
from dashboard.cli.output import AsJson, say, write_json, write_list
from dashboard.cli.servers import connected

app = typer.Typer(add_completion=False)
Name = Annotated[str, typer.Argument(help="As the list shows it.")]


@app.callback(invoke_without_command=True)
def workers(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the worker processes that are alive: what each does, how large and how old it is."""
    if context.invoked_subcommand is not None:
        return
    found, now = asyncio.run(_alive()), dt.datetime.now(dt.UTC)
    if as_json:
        write_json(found)
    else:
        rows = [
            (beat.name, beat.state, f"{beat.busy} of {beat.slots}", f"{beat.memory_mb:.0f} MB",
             duration((now - beat.started_at).total_seconds()))
            for beat in found
        ]  # fmt: skip
        write_list(("worker", "state", "busy", "memory", "age"), rows, "No worker is alive.")


@app.command()
def drain(name: Name) -> None:
    """Let a worker take no new jobs, and finish what it runs, until it is resumed."""
    say(asyncio.run(_ask(Verb.DRAIN, name)))


@app.command()
def resume(name: Name) -> None:
    """Let a drained worker take jobs again."""
    say(asyncio.run(_ask(Verb.RESUME, name)))


@app.command()
def recycle(name: Name) -> None:
    """Let a worker finish what it runs and make place for a fresh process."""
    say(asyncio.run(_ask(Verb.RECYCLE, name)))


async def _alive() -> tuple[WorkerBeat, ...]:
    async with connected() as servers:
        return await worker_beats(servers.redis)


async def _ask(verb: Verb, name: str) -> str:
    async with connected() as servers:
        return await ask(servers.database, servers.redis, servers.user, "cli", name, verb=verb)

"""`signalist queues`: how deep they are, holding them, and emptying them."""

import asyncio
import datetime as dt
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated

import typer
from redis.asyncio import Redis

from core import pausing, purging
from core.access import User
from core.db import Database
from core.errors import BadRequest
from core.phrases import duration
from core.queues import QUEUES, Purged, QueueDepth, depths
from core.recording import Face
from dashboard.cli.output import AsJson, Yes, say, write_json, write_table
from dashboard.cli.servers import connected

app = typer.Typer(add_completion=False)
Name = Annotated[str, typer.Argument(help=f"One of {', '.join(QUEUES)}.")]


@app.callback(invoke_without_command=True)
def queues(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the queues: what waits, runs and is delayed, and for how long the oldest job has waited."""
    if context.invoked_subcommand is not None:
        return
    found = asyncio.run(_depths())
    if as_json:
        write_json(found)
    else:
        write_table(
            ("queue", "waiting", "running", "delayed", "oldest waits", "done", "failed", "state"),
            [
                (q.name, q.waiting, q.running, q.delayed, q.oldest_wait_s and duration(q.oldest_wait_s),
                 q.done, q.failed, "paused" if q.paused else "open")
                for q in found
            ],
        )  # fmt: skip


@app.command()
def pause(name: Name) -> None:
    """Start no more jobs of a queue; those that run finish."""
    asyncio.run(_hold(pausing.pause_queue, name))
    say(f"The queue {name} is paused.")


@app.command()
def resume(name: Name) -> None:
    """Start jobs of a queue again."""
    asyncio.run(_hold(pausing.resume_queue, name))
    say(f"The queue {name} is open.")


@app.command()
def purge(name: Name, *, yes: Yes = False) -> None:
    """Delete the waiting and delayed jobs of a queue, once its name is typed again; those that run finish."""
    purged = asyncio.run(_purge(name, name if yes else _typed_again(name)))
    say(purging.answer(name, purged))


def _typed_again(name: str) -> str:
    question = asyncio.run(_question(name))
    if not sys.stdin.isatty():
        raise BadRequest(f"{question} Nobody is there to answer: add --yes.")
    say(f"{question} {purging.COMES_BACK}")
    typed: str = typer.prompt("The name of the queue, to confirm")
    return typed


async def _question(name: str) -> str:
    async with connected() as servers:
        return purging.question(await purging.at_stake(servers.redis, name, dt.datetime.now(dt.UTC)))


async def _purge(name: str, confirm: str) -> Purged:
    async with connected() as servers:
        return await purging.purge_queue(servers.database, servers.redis, servers.user, "cli", name, confirm=confirm)


async def _depths() -> tuple[QueueDepth, ...]:
    async with connected() as servers:
        return await depths(servers.redis, dt.datetime.now(dt.UTC))


async def _hold(act: Callable[[Database, Redis, User, Face, str], Awaitable[None]], name: str) -> None:
    async with connected() as servers:
        await act(servers.database, servers.redis, servers.user, "cli", name)

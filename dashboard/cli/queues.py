"""`signalist queues`: how deep they are, and holding them."""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Annotated

import typer
from redis.asyncio import Redis

from core import pausing
from core.access import User
from core.db import Database
from core.phrases import duration
from core.queues import QUEUES, QueueDepth, depths
from core.recording import Face
from dashboard.cli.output import AsJson, say, write_json, write_table
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


async def _depths() -> tuple[QueueDepth, ...]:
    async with connected() as servers:
        return await depths(servers.redis, dt.datetime.now(dt.UTC))


async def _hold(act: Callable[[Database, Redis, User, Face, str], Awaitable[None]], name: str) -> None:
    async with connected() as servers:
        await act(servers.database, servers.redis, servers.user, "cli", name)

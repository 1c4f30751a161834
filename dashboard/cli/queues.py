"""`signalist queues`: how deep they are, and holding them."""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Annotated

import typer
from redis.asyncio import Redis

from core import queues as redis_queues
from core.access import Action
from core.phrases import duration
from core.queues import QueueDepth
from core.recording import recorded
from dashboard.cli.output import AsJson, say, write_json, write_table
from dashboard.cli.servers import connected

app = typer.Typer(add_completion=False)
Name = Annotated[str, typer.Argument(help=f"One of {', '.join(redis_queues.QUEUES)}.")]


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
    asyncio.run(_hold(name, "pause", redis_queues.pause))
    say(f"The queue {name} is paused.")


@app.command()
def resume(name: Name) -> None:
    """Start jobs of a queue again."""
    asyncio.run(_hold(name, "resume", redis_queues.resume))
    say(f"The queue {name} is open.")


async def _depths() -> tuple[QueueDepth, ...]:
    async with connected() as servers:
        return await redis_queues.depths(servers.redis, dt.datetime.now(dt.UTC))


async def _hold(name: str, verb: str, act: Callable[[Redis, str], Awaitable[None]]) -> None:
    async with (
        connected() as servers,
        recorded(servers.database, servers.user, "cli", Action.PAUSE_QUEUE, name, verb=verb),
    ):
        await act(servers.redis, name)

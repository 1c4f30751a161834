"""`signalist health`: the same verdict as /health, with its details."""

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import typer

from core import health as judged
from core import snapshot
from core.errors import BadRequest, Unavailable
from core.health.verdict import CHECKS, worst
from core.phrases import milliseconds
from core.queues import WorkerBeat
from core.reading import Reading
from core.readings import Reader
from core.snapshot import Snapshot
from dashboard.cli.output import AsJson, say, write_json, write_table
from dashboard.cli.servers import connected

app = typer.Typer(add_completion=False)


@app.command()
def health(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[CHECK]...", help="Only these checks.", show_default=False)
    ] = None,
    *,
    here: Annotated[bool, typer.Option("--here", help="Of the workers, only those of this host.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say whether all is well, check by check.

    Exits 0 when healthy or degraded, 1 when unhealthy, 3 when Postgres or Redis cannot be reached.
    """
    if unknown := set(names or ()) - set(CHECKS):
        raise BadRequest(f"There is no check {', '.join(sorted(unknown))}: there are {', '.join(CHECKS)}.")
    found = asyncio.run(_read())
    if here:
        found = replace(found, health=judged.judge(replace(found.readings, workers=_own(found)), found.at))
    if names:
        checks = tuple(check for check in found.health.checks if check.name in names)
        found = replace(found, health=replace(found.health, checks=checks, status=worst(checks)))
    if as_json:
        write_json(judged.report(found.health, details=True))
    else:
        _write(found)
    if not (found.readings.database.ok and found.readings.redis.ok):
        raise typer.Exit(Unavailable.exit_code)
    if not found.health.serves:
        raise typer.Exit(1)


async def _read() -> Snapshot:
    async with connected() as servers:
        return await snapshot.take(Reader(servers.settings, servers.database, servers.redis))


def _own(found: Snapshot) -> Reading[Sequence[WorkerBeat]]:
    """What is known of the workers of this host: those of others say nothing about a container."""
    workers, host = found.readings.workers, socket.gethostname()
    return workers if workers.value is None else replace(workers, value=[w for w in workers.value if w.host == host])


def _write(found: Snapshot) -> None:
    rows = [
        (check.name, check.status, None if check.latency_ms is None else milliseconds(check.latency_ms), check.detail)
        for check in found.health.checks
    ]
    say(f"Signalist is {found.health.status}.\n")
    write_table(("check", "status", "latency", "detail"), rows)

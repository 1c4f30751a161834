"""Operations at the command line: the plan is shown, a yes is asked for, and the log runs down the terminal.

This process runs what it approved itself, unless a worker is quicker: so it works before any worker is started.
"""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import typer

from core import queues
from core.access import User
from core.config import settings
from core.db import Database
from core.errors import BadRequest, SignalistError, Unavailable
from core.operations import planning
from core.operations.approve import approve
from core.operations.cancel import cancel
from core.operations.kind import World
from core.operations.plan import Parameters, Plan
from core.operations.run import run_operation
from core.operations.running import runner_name
from core.operations.states import ENDED, State
from core.queries import operation_lines
from core.queries.operations import OperationRow
from dashboard.cli.output import complain, confirm, say
from dashboard.cli.servers import at_the_keyboard

# Nothing listens there: without a Redis a worker cannot be told, but this process does the work anyway.
_NO_REDIS = "unix:///nonexistent/redis.sock"
_LOOK_EVERY_S = 0.3


@dataclass(frozen=True)
class Bench:
    """What operations work on, and who asks."""

    world: World
    user: User


@asynccontextmanager
async def at_work() -> AsyncIterator[Bench]:
    """For the time of one verb. Raises Unavailable where there is no Postgres; Redis may be missing."""
    chosen = settings()
    try:
        address = chosen.redis()
    except Unavailable:
        address = _NO_REDIS
    database = Database(
        chosen.database(), application="cli", owner_url=chosen.admin_database(), statement_timeout=60.0, pool_size=4
    )
    redis = queues.connect(address)
    try:
        yield Bench(World(chosen, database, redis), at_the_keyboard())
    finally:
        await redis.aclose()
        await database.close()


async def carry_out(bench: Bench, kind: str, asked: Parameters, *, yes: bool) -> OperationRow:
    """Plans, asks, approves and runs. Where the answer is no, the plan is dismissed; where nobody can answer, it waits.

    Raises Conflict and BadRequest.
    """
    row = await planning.plan(bench.world, bench.user, "cli", kind, asked)
    show_plan(row.plan)
    try:
        if row.plan.phrase:
            type_again(row.plan.phrase, yes=yes)
        else:
            confirm(f"{row.title}?", yes=yes)
    except typer.Abort:
        # Somebody else may have said yes meanwhile: then it is theirs.
        with suppress(SignalistError):
            await cancel(bench.world, bench.user, "cli", row.id)
        raise
    return await approve_and_follow(bench, row, row.plan.phrase or "")


async def approve_and_follow(bench: Bench, row: OperationRow, phrase: str = "") -> OperationRow:
    """Approves what was shown, and follows it to its end."""
    row = await approve(bench.world, bench.user, "cli", row.id, read_hash=row.plan_hash, phrase=phrase)
    if row.state is State.PROPOSED:
        say(f"Approved by you; a second person must approve it, too: `signalist operations approve {row.id}`.")
        return row
    return await follow(bench, row)


async def follow(bench: Bench, row: OperationRow) -> OperationRow:
    """Runs it, or watches the worker that does, and writes its log as it grows."""
    # Or each line would stand there twice.
    logging.getLogger("core.operations.running").setLevel(logging.WARNING)
    work = asyncio.create_task(run_operation(bench.world, row.id, runner_name()))
    last = 0
    try:
        while True:
            done = work.done()
            with suppress(Unavailable):
                last = await _write_log(bench, row, last)
                row = await planning.get(bench.world, row.id)
                if row.state in ENDED or row.state is State.PAUSED:
                    break
            if done:
                # Another worker has it.
                work.result()
            await asyncio.sleep(_LOOK_EVERY_S)
        await work
        await _write_log(bench, row, last)
    except asyncio.CancelledError:
        complain(f"Left to a worker. `signalist operations cancel {row.id}` stops it.")
        work.cancel()
        await asyncio.wait({work})
        raise
    return row


def show_plan(plan: Plan) -> None:
    """Writes the plan for people."""
    lines = [plan.title, "", plan.summary, ""]
    lines += [
        f"  {name:<9} {text}"
        for name, text in (
            ("locks", plan.locks),
            ("memory", plan.memory),
            ("disk", plan.disk),
            ("duration", plan.duration),
            ("verify", plan.verify),
            ("way back", plan.rollback),
            ("loses", plan.loses),
        )
        if text
    ]
    lines += [f"  {danger.severity.upper()}: {danger.text}" for danger in plan.dangers]
    for number, step in enumerate(plan.steps, 1):
        lines += ["", f"  {number}. {step.title}"]
        lines += [f"     {statement.rstrip(';')};".replace("\n", "\n     ") for statement in step.sql]
        lines += [f"     squawk: {finding}" for finding in step.findings]
    say("\n".join([*lines, ""]))


def exit_with(row: OperationRow) -> None:
    """0 when it did what it was to do, or waits for somebody; 1 when not."""
    if row.state not in {State.DONE, State.PROPOSED, State.PAUSED}:
        complain(f"{row.state.value.capitalize()}: {row.outcome}")
        raise typer.Exit(1)


def type_again(phrase: str, *, yes: bool) -> None:
    """Asks for it, unless `yes`: this loses data. Ends the command when something else is typed."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise BadRequest(f"This loses data. Nobody is there to type {phrase!r}: add --yes.")
    if typer.prompt(f"This loses data. Type {phrase} to go on").strip() != phrase:
        raise typer.Abort


async def _write_log(bench: Bench, row: OperationRow, last: int) -> int:
    async with bench.world.database.session() as session:
        lines = await operation_lines.since(session, row.id, last)
    for line in lines:
        say(f"{line.at.astimezone():%H:%M:%S}  {'' if line.level == 'info' else line.level + ': '}{line.text}")
    return lines[-1].id if lines else last

"""`signalist operations`: what was planned, approving and stopping it, and what became of it."""

import asyncio
import datetime as dt
import uuid
from typing import Annotated

import typer

from core.errors import BadRequest, NotFound
from core.operations import note as notes
from core.operations import pause as pausing
from core.operations import planning
from core.operations.cancel import cancel as cancel_operation
from core.operations.states import HELD, State
from core.queries import operation_lines
from core.queries import operations as queries
from core.queries.operations import OperationRow
from dashboard.cli.operating import Bench, approve_and_follow, at_work, exit_with, show_plan
from dashboard.cli.output import AsJson, Yes, ago, confirm, say, write_json, write_list

app = typer.Typer(no_args_is_help=True, add_completion=False)
Id = Annotated[str, typer.Argument(help="Its id, or the beginning of it.", show_default=False)]


@app.callback()
def operations() -> None:
    """What changes infrastructure: waiting for a yes, running, done."""


@app.command("list")
def list_(
    *,
    state: Annotated[str, typer.Option(help="Only those in this state.")] = "",
    kind: Annotated[str, typer.Option(help="Only of this kind, such as 'rebuild index'.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many at most.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List operations, the newest first."""
    wanted = _state(state)

    async def read() -> tuple[OperationRow, ...]:
        async with at_work() as bench, bench.world.database.session() as session:
            return (await queries.page(session, kind=kind, states=[wanted] if wanted else (), limit=limit)).rows

    rows, now = asyncio.run(read()), dt.datetime.now(dt.UTC)
    if as_json:
        write_json(rows)
        return
    write_list(
        ("id", "operation", "state", "by", "planned", "outcome"),
        [
            (str(r.id)[:8], r.title, r.state.value, r.approved_by or r.proposed_by, ago(r.planned_at, now), r.outcome)
            for r in rows
        ],
        "No operation matches that." if kind or wanted else "There are no operations: nothing was planned yet.",
    )


@app.command()
def show(
    operation: Id,
    *,
    note: Annotated[bool, typer.Option("--note", help="Write the hand-over note, as Markdown.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show an operation with its plan and its log."""

    async def read() -> tuple[OperationRow, tuple[operation_lines.Line, ...]]:
        async with at_work() as bench:
            row = await _find(bench, operation)
            async with bench.world.database.session() as session:
                return row, await operation_lines.since(session, row.id)

    row, lines = asyncio.run(read())
    if as_json:
        write_json(row)
    elif note:
        say(notes.note(row, lines))
    else:
        say(f"{row.id}: {row.state.value}. {row.outcome or ''}")
        show_plan(row.plan)
        for line in lines:
            level = "" if line.level == "info" else f"{line.level}: "
            say(f"{line.at.astimezone():%Y-%m-%d %H:%M:%S}  {level}{line.text}")


@app.command()
def approve(
    operation: Id,
    *,
    phrase: Annotated[str, typer.Option(help="What a plan that loses data asks to be typed.")] = "",
    yes: Yes = False,
) -> None:
    """Approve a plan, and follow it to its end."""

    async def do() -> OperationRow:
        async with at_work() as bench:
            row = await _find(bench, operation)
            show_plan(row.plan)
            if row.state is State.PROPOSED and not phrase:
                confirm(f"{row.title}?", yes=yes)
            return await approve_and_follow(bench, row, phrase)

    exit_with(asyncio.run(do()))


@app.command()
def cancel(operation: Id) -> None:
    """Dismiss a plan, or have what runs stopped and go the way back that its plan names."""

    async def do() -> OperationRow:
        async with at_work() as bench:
            row = await _find(bench, operation)
            return await cancel_operation(bench.world, bench.user, "cli", row.id)

    row = asyncio.run(do())
    say(f"It is being stopped. Way back: {row.plan.rollback}." if row.state in HELD else f"{row.outcome}")


@app.command()
def pause(operation: Id) -> None:
    """Have an operation stop where it is, if its kind can."""

    async def do() -> None:
        async with at_work() as bench:
            row = await _find(bench, operation)
            await pausing.pause(bench.world, bench.user, "cli", row.id)

    asyncio.run(do())
    say("It stops within seconds.")


@app.command()
def resume(operation: Id) -> None:
    """Have a worker go on with a paused operation."""

    async def do() -> None:
        async with at_work() as bench:
            row = await _find(bench, operation)
            await pausing.resume(bench.world, bench.user, "cli", row.id)

    asyncio.run(do())
    say("A worker goes on with it.")


async def _find(bench: Bench, operation: str) -> OperationRow:
    async with bench.world.database.session() as session:
        found = await queries.find(session, operation.lower())
    if len(found) > 1:
        raise BadRequest(f"{operation} is the beginning of several ids: type more of it.")
    if not found:
        raise NotFound(f"There is no operation {operation}.")
    return await planning.get(bench.world, uuid.UUID(str(found[0])))


def _state(name: str) -> State | None:
    try:
        return State(name) if name else None
    except ValueError:
        raise BadRequest(f"There is no state {name!r}: they are {', '.join(State)}.") from None

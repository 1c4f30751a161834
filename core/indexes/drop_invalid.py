"""Dropping an index that a broken build left: nobody reads it, and every write pays for it."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from core.errors import BadRequest, Conflict
from core.operations import statement
from core.operations.kind import EXCLUSIVE_DATABASE, Step, Undone, World
from core.operations.plan import Explored, Parameters, Plan, PlannedStep
from core.operations.running import Run
from core.phrases import size
from core.queries import index_ddl, index_progress, invalid_indexes
from core.queries.invalid_indexes import InvalidIndex
from core.queries.operations import OperationRow


class DropInvalid:
    """One index that is not valid, on any table of ours."""

    name = "drop invalid index"
    exclusive = EXCLUSIVE_DATABASE
    can_pause = False

    async def settle(self, world: World, asked: Parameters) -> Mapping[str, Any]:
        name = asked.get("index")
        if not isinstance(name, str) or set(asked) != {"index"}:
            raise BadRequest("Name the index that is to be dropped.")
        return {"index": name}

    async def explore(self, world: World, parameters: Parameters) -> Explored:
        index = await _find(world, parameters["index"])
        if index is None:
            raise Conflict(f"There is no invalid index {parameters['index']}: it is gone, or it is valid.")
        async with world.database.session() as session:
            builds = await index_progress.builds(session)
        if any(build.name == index.name for build in builds):
            raise Conflict(f"{index.name} is not valid yet: it is being built just now.")
        return Explored(matters={"index": index.name, "table": index.table}, seen={"size": index.size})

    def plan(self, parameters: Parameters, explored: Explored) -> Plan:
        name, table = explored.matters["index"], explored.matters["table"]
        return Plan(
            title=f"Drop the invalid index {name}",
            summary=f"A build that was cut short left it on {table}: no query reads it, and every write pays for it.",
            steps=(
                PlannedStep(
                    f"Drop {name}",
                    (index_ddl.drop(name),),
                    f"SHARE UPDATE EXCLUSIVE on {table}: reads and writes go on; other schema changes wait",
                ),
            ),
            locks="none that block reads or writes",
            memory="none",
            disk=f"{size(explored.seen['size'])} become free",
            duration="seconds, once older transactions have ended",
            verify="the index is gone",
            rollback="none needed: nothing uses it",
            seconds=2.0,
        )

    def steps(self, world: World, row: OperationRow) -> tuple[Step, ...]:
        return (Step("Drop", _drop), Step("Confirm", partial(_confirm, world), proof=True))

    async def roll_back(self, world: World, run: Run) -> Undone:
        await statement.cancel(run)
        name = run.row.parameters["index"]
        if await _find(world, name) is None:
            return Undone(stays=f"{name} was dropped by then, and nothing misses it.")
        return Undone(stays=f"{name} is still there, and not valid: it can be dropped another time.")

    def stays(self, row: OperationRow) -> str | None:
        return None

    async def outcome(self, world: World, run: Run) -> str:
        return f"{run.row.parameters['index']} is gone."


async def _find(world: World, name: str) -> InvalidIndex | None:
    async with world.database.session() as session:
        return next((index for index in await invalid_indexes.read(session) if index.name == name), None)


async def _drop(run: Run) -> None:
    await statement.warn_of_old_transactions(run)
    await statement.execute(run, index_ddl.drop(run.row.parameters["index"]))


async def _confirm(world: World, run: Run) -> None:
    if await _find(world, run.row.parameters["index"]) is not None:
        raise Conflict(f"{run.row.parameters['index']} is still there.")

"""Rebuilding the vector index beside the one that serves: readers and writers notice nothing.

The new index carries a number in its predicate (see core.queries.vector_index), so that it can be measured, and
EXPLAIN can show that it was the one measured, while every search goes on through the old one. The price: SQL that
somebody types by hand finds the index only if it says `chunk_index <> -<number>` too; else it compares every row.
"""

import dataclasses
import math
from collections.abc import Mapping
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from core.errors import BadRequest, Conflict
from core.indexes import rebuild_plan, rebuild_steps, recall, room, sizing
from core.indexes.rebuild_plan import describe, shape_of
from core.operations import statement
from core.operations.kind import EXCLUSIVE_DATABASE, Step, Undone, World
from core.operations.plan import Explored, Parameters, Plan
from core.operations.running import Run
from core.phrases import duration, milliseconds
from core.queries import index_builds, index_ddl, index_measurements, index_progress, maintenance, server, vector_index
from core.queries.index_ddl import BUILDING, RETIRED
from core.queries.operations import OperationRow
from core.queries.vector_index import SERVING, VectorIndex

# Twice what searches take now is still no slower to a person, and 25 ms nobody notices beside the rest of a page.
SLOWER_AT_MOST, FAST_ENOUGH_MS = 2.0, 25.0

# What Postgres takes for maintenance_work_mem and max_parallel_maintenance_workers; an hour is no search any more.
_LIMITS = {"memory_mb": (0, 2_097_151), "workers": (0, 1024), "p95_ms": (0, 3_600_000)}
_KEYS = (
    "method",
    "lists",
    "m",
    "ef_construction",
    "halfvec",
    "memory_mb",
    "workers",
    "target",
    "p95_ms",
    "setting",
    "mark",
)


class Rebuild:
    """A new vector index in the place of the present one, or the first one."""

    name = "rebuild index"
    exclusive = EXCLUSIVE_DATABASE
    can_pause = False

    async def settle(self, world: World, asked: Parameters) -> Mapping[str, Any]:
        """Open choices are made by the sizing table; the rest by what Postgres and this machine have."""
        if unknown := set(asked) - set(_KEYS):
            raise BadRequest(f"There is no such choice: {', '.join(sorted(unknown))}.")
        async with world.database.session() as session:
            table = await vector_index.read(session)
            rows = table.rows or await vector_index.count(session)
            mark = await vector_index.used_marks(session) + 1
            limits = await maintenance.limits(session)
            last = await _last(session, table.serving)
        if rows == 0:
            raise Conflict("No article is embedded yet, and an index that is built on nothing finds nothing.")
        shape = rebuild_plan.chosen_shape(asked, rows)
        if problem := sizing.problem(shape):
            raise BadRequest(problem)
        free = room.look(world.database.url, limits.data_directory)
        target = float(asked.get("target") or recall.TARGET)
        if not 0.5 <= target < 1:
            raise BadRequest("The target of recall is a number from 0.5 to 0.99.")
        for name, (least, most) in _LIMITS.items():
            if (number := asked.get(name)) is not None and not least <= number <= most:
                raise BadRequest(f"{name} is a number from {least:,} to {most:,}.")
        setting = asked.get("setting")
        if setting is not None and not 1 <= int(setting) <= sizing.most(shape):
            raise BadRequest(f"{shape.setting} is a number from 1 to {sizing.most(shape):,}.")
        return {
            **dataclasses.asdict(shape),
            "memory_mb": int(
                asked.get("memory_mb") or rebuild_plan.memory_mb(shape, rows, limits.maintenance_work_mem, free)
            ),
            "workers": rebuild_plan.workers(
                asked.get("workers"), limits.parallel_workers, shape, rows, free, is_first=table.serving is None
            ),
            "target": target,
            "p95_ms": float(
                asked.get("p95_ms") or max(FAST_ENOUGH_MS, math.ceil(SLOWER_AT_MOST * last) if last else 0)
            ),
            "setting": None if setting is None else int(setting),
            "mark": int(asked.get("mark") or mark),
        }

    async def explore(self, world: World, parameters: Parameters) -> Explored:
        shape = shape_of(parameters)
        async with world.database.session() as session:
            table = await vector_index.read(session)
            rows = table.rows or await vector_index.count(session)
            facts = await server.facts(session)
            limits = await maintenance.limits(session)
            earlier = await index_builds.earlier(session, shape)
            under_way = await index_progress.builds(session)
            revision = await server.revision(session)
        if under_way:
            by = under_way[0]
            raise Conflict(f"{by.name or 'An index'} is being built already, by pid {by.pid} ({by.application}).")
        free = room.look(world.database.url, limits.data_directory)
        return Explored(
            matters={
                "index": describe(table.serving),
                "left over": [i.name for i in table.indexes if i.name in {BUILDING, RETIRED}],
                "band": sizing.band(rows).words,
                "pgvector": facts.pgvector,
                "schema": revision,
            },
            seen={
                "rows": rows,
                "serving_name": table.serving.name if table.serving else None,
                "serving_size": table.serving.size if table.serving else None,
                "built_on": table.serving.build.rows if table.serving and table.serving.build else None,
                "disk": free.disk,
                "memory": free.memory,
                "seconds": rebuild_plan.expected(shape, rows, earlier),
                "known": earlier is not None,
            },
        )

    def plan(self, parameters: Parameters, explored: Explored) -> Plan:
        return rebuild_plan.plan(parameters, explored)

    def steps(self, world: World, row: OperationRow) -> tuple[Step, ...]:
        return (
            Step("Preflight", partial(rebuild_steps.preflight, world)),
            Step("Build", partial(rebuild_steps.build, world)),
            Step("Analyze", rebuild_steps.analyze),
            Step("Prove", partial(rebuild_steps.prove, world), proof=True),
            Step("Swap", partial(rebuild_steps.swap, world), proof=True, final=True),
            Step("Drop the old index", rebuild_steps.drop_old, proof=True, final=True),
            Step("Confirm", partial(rebuild_steps.confirm, world), proof=True, final=True),
        )

    async def roll_back(self, world: World, run: Run) -> Undone:
        await statement.cancel(run)
        index = await rebuild_steps.own(run)
        if index is None:
            return Undone()
        if index.name != BUILDING:
            return Undone(left=f"{index.name} serves already.")
        await statement.execute(run, index_ddl.drop(BUILDING))
        if await rebuild_steps.own(run) is None:
            return Undone()
        return Undone(left=f"the index {BUILDING}, which another proposal will drop.")

    def stays(self, row: OperationRow) -> str | None:
        return None

    async def outcome(self, world: World, run: Run) -> str:
        now, before = run.result["after"], run.result.get("before")
        words = shape_of(run.row.parameters).words
        was = f"{before['recall']:.2f} → " if before else ""
        took = f"{milliseconds(before['p95_ms'])} → " if before else ""
        return (
            f"{SERVING} is {words} now: recall@10 {was}{now['recall']:.2f}, "
            f"p95 {took}{milliseconds(now['p95_ms'])}; built in {duration(run.result['build_s'])}."
        )


async def _last(session: AsyncSession, index: VectorIndex | None) -> float | None:
    """The p95, in ms, of the index at its newest measurement."""
    found = await index_measurements.latest(session, index.name, index.mark) if index else None
    return found.p95_ms if found else None

"""What a worker does to rebuild the index: each step may be entered again after it was cut short anywhere."""

import asyncio
import dataclasses
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from core.errors import QueryTimeout, SignalistError, StatementFailed
from core.indexes import measure, progress, recall, room, sizing
from core.indexes.rebuild_plan import shape_of
from core.indexes.recall import Measured, Subject
from core.operations import smoke, statement
from core.operations.kind import World
from core.operations.running import Run
from core.phrases import duration, milliseconds, size
from core.queries import index_builds, index_ddl, index_progress, maintenance, server, vector_index
from core.queries.index_ddl import BUILDING, RETIRED
from core.queries.vector_index import SERVING, VectorIndex, VectorTable

# Between the swap and the drop: a search that had read the old name is over by then.
SETTLE_S = 2.0
# Another schema change may hold the swap up this many times.
SWAPS = 10


class NotProven(SignalistError):
    """The new index did not pass its check."""


async def _table(run: Run) -> VectorTable:
    async with run.database.session() as session:
        return await vector_index.read(session)


async def own(run: Run) -> VectorIndex | None:
    """The index of this operation, whatever it is called by now."""
    mark = run.row.parameters["mark"]
    return next((index for index in (await _table(run)).indexes if index.mark == mark), None)


async def preflight(world: World, run: Run) -> None:
    """Clears what an earlier attempt left, and says who will be in the way."""
    table = await _table(run)
    for index in table.indexes:
        if index.name in {BUILDING, RETIRED} and index.mark != run.row.parameters["mark"]:
            await statement.execute(run, index_ddl.drop(index.name))
    free = room.look(world.database.url, None)
    if free.memory is not None and free.memory < run.row.parameters["memory_mb"] * sizing.MB:
        await run.say(f"Only {size(free.memory)} of memory can be spared just now.", "warning")
    await statement.warn_of_old_transactions(run)


async def build(world: World, run: Run) -> None:
    """Builds, or follows a build that a lost worker began; what a broken one left is dropped first."""
    index = await own(run)
    if await statement.running(run):
        await statement.adopt(run, partial(_progress, run))
        index = await own(run)
    if index is not None and not index.valid:
        await run.say("A build that was cut short left an invalid index: dropping it.", "warning")
        await statement.execute(run, index_ddl.drop(BUILDING))
        index = None
    if index is None:
        await _create(run)
        index = await own(run)
    if index is None or not index.valid:
        raise NotProven("Postgres says that the new index is not valid.")
    begun = next(step.started_at for step in run.row.steps if step.name == "Build")
    await run.keep(build_s=run.result.get("build_s") or (await _clock(run) - begun).total_seconds(), size=index.size)
    await run.say(f"{BUILDING} is valid: {size(index.size)}, built in {duration(run.result['build_s'])}.")


async def _create(run: Run) -> None:
    parameters = run.row.parameters
    create = index_ddl.create(shape_of(parameters), parameters["mark"])
    memory_kb, workers = parameters["memory_mb"] * 1024, parameters["workers"]
    started = time.monotonic()
    try:
        await statement.execute(run, create, index_ddl.build_settings(memory_kb, workers), partial(_progress, run))
    except StatementFailed as error:
        if "shared memory" not in str(error) or not workers:
            raise
        # What Postgres says in a container whose /dev/shm is small; the disk is not full.
        await run.say(f"{error} Trying again without parallel workers, which need no shared memory.", "warning")
        await statement.execute(run, index_ddl.drop(BUILDING))
        await statement.execute(run, create, index_ddl.build_settings(memory_kb, 0), partial(_progress, run))
    await run.keep(build_s=time.monotonic() - started)


async def _progress(run: Run) -> tuple[float | None, str]:
    async with run.database.session() as session:
        builds = await index_progress.builds(session)
    own = next((build for build in builds if build.application == statement.application(run)), None)
    return (progress.fraction(own), progress.words(own)) if own else (None, "")


async def _clock(run: Run) -> Any:
    async with run.database.session() as session:
        return await server.now(session)


async def analyze(run: Run) -> None:
    await statement.execute(run, index_ddl.analyze())


async def prove(world: World, run: Run) -> None:
    """Measures the old and the new index on the same rows, and demands what the plan promised."""
    parameters = run.row.parameters
    serving, new = (await _table(run)).serving, await own(run)
    if new is None:
        raise NotProven("The new index is gone.")
    before = None
    if serving is not None and serving.mark != new.mark:
        value = serving.tuning.value if serving.tuning else None
        await run.progress(None, "measuring the old index")
        before = await _measure(world, run, serving, value=value, tune=False)
        await run.keep(before=_numbers(before))
        await run.say(f"Before: {_words(before)}.")
    run.check()
    await run.progress(None, "measuring the new index")
    # One that a person chose is proved as it is; else the lowest that reaches the target is looked for.
    chosen = parameters.get("setting")
    after = await _measure(world, run, new, value=chosen, tune=chosen is None)
    await run.say(f"New: {_words(after)}; EXPLAIN names {after.used or 'no index'}.")
    await run.keep(after=_numbers(after))
    score, limit = after.score, max(parameters["p95_ms"], after.exact_p50_ms / 2)
    if after.used != new.name:
        raise NotProven(
            f"Postgres goes through {after.used} instead of the new index."
            if after.used
            else f"Postgres rather compares all {after.rows:,} rows than use it: at this size an index does not pay."
        )
    if score.recall < parameters["target"]:
        at = f"{after.setting} {chosen}" if chosen else "every setting"
        raise NotProven(f"Recall@10 is {score.recall:.3f}, below {parameters['target']:g}, at {at}.")
    if score.p95_ms > limit:
        raise NotProven(f"The p95 is {milliseconds(score.p95_ms)}, above {milliseconds(limit)}.")


async def _measure(world: World, run: Run, index: VectorIndex, *, value: int | None, tune: bool) -> Measured:
    subject = Subject(index.name, index.shape, index.mark)
    work = partial(
        recall.measure,
        run.database.url,
        subject,
        world.model,
        seed=run.row.parameters["mark"],
        value=value,
        target=run.row.parameters["target"],
        tune=tune,
        check=run.check,
    )
    found = await measure.in_thread(work)
    if found is None:
        raise NotProven("There is nothing to measure: hardly any article is embedded by the active model.")
    return found


def _numbers(found: Measured) -> dict[str, Any]:
    flat = dataclasses.asdict(found)
    return {**flat.pop("score"), **flat}


def _words(found: Measured) -> str:
    score = found.score
    quality = f"recall@10 {score.recall:.3f} ({score.low:.3f} to {score.high:.3f}, {score.queries} queries)"
    speed = f"p50 {milliseconds(score.p50_ms)}, p95 {milliseconds(score.p95_ms)}"
    return f"{quality} at {found.setting} {score.value}, {speed}; exact {milliseconds(found.exact_p50_ms)}"


async def swap(world: World, run: Run) -> None:
    """One transaction: searches go through the new index, with its own setting, and its story is kept."""
    after = run.result["after"]
    for attempt in range(SWAPS):
        try:
            name = await _swap_once(world, run, after)
        except QueryTimeout:
            await run.say(f"The swap waits for another schema change (attempt {attempt + 1} of {SWAPS}).", "warning")
            await asyncio.sleep(1)
        else:
            await run.keep(drop=name)
            return
    raise NotProven("The new index is ready, but another schema change kept it from being swapped in.")


async def _swap_once(world: World, run: Run, after: Mapping[str, Any]) -> str | None:
    parameters = run.row.parameters
    shape, mark = shape_of(parameters), parameters["mark"]
    async with run.database.owner_session() as session:
        old = (await vector_index.read(session)).serving
        name = await maintenance.swap(
            session, mark, shape=shape, value=after["value"], recall=after["recall"], target=parameters["target"]
        )
        table = await vector_index.read(session)
        new = next(index for index in table.indexes if index.mark == mark)
        await index_builds.add(
            session,
            mark=mark,
            shape=shape,
            rows=table.rows or 0,
            size=new.size,
            seconds=run.result["build_s"],
            revision=await server.revision(session),
            operation_id=run.id,
        )
        if old is not None and old.mark != mark:
            if before := run.result.get("before"):
                await measure.store(session, old, world.model, _measured(before), reason="before a rebuild")
            await measure.store(session, new, world.model, _measured(after), reason="after a rebuild")
        elif old is None:
            await measure.store(session, new, world.model, _measured(after), reason="after a rebuild")
    return name


def _measured(numbers: Mapping[str, Any]) -> Measured:
    score = recall.Score(**{field.name: numbers[field.name] for field in dataclasses.fields(recall.Score)})
    rest = {field.name: numbers[field.name] for field in dataclasses.fields(Measured) if field.name != "score"}
    return Measured(score=score, **rest)


async def drop_old(run: Run) -> None:
    name = run.result.get("drop")
    if name is None:
        await run.say("There was no other index to drop.")
        return
    await asyncio.sleep(SETTLE_S)
    await statement.execute(run, index_ddl.drop(name))


async def confirm(world: World, run: Run) -> None:
    """Looks once more, as the product looks."""
    table = await _table(run)
    serving = table.serving
    if serving is None or serving.mark != run.row.parameters["mark"]:
        raise NotProven(f"Searches go through {serving.name if serving else 'no index'}, not through the new one.")
    await run.say(f"{SERVING} serves. {await smoke.read_what_screens_show(world)}")

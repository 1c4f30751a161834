"""What a worker does to move the schema: each step may be entered again after it was cut short anywhere."""

import asyncio
import re
from collections import deque
from collections.abc import Callable
from functools import partial

from core.errors import Conflict, SignalistError, StatementFailed
from core.migrations import standing
from core.migrations.move import How
from core.migrations.standing import MigrationStatus
from core.migrations.story import Story
from core.operations import statement
from core.operations.kind import World
from core.operations.running import Run
from core.phrases import duration, listed
from core.queries import backends, index_ddl, index_definitions, invalid_indexes, server, table_sizes

# How long a revision waits for a lock, with everybody else queueing behind it; and how often it tries. It gives way
# before anybody's deadlock_timeout, which is a second: a concurrent build that waits for our snapshot while we wait for
# its lock would be ended as the victim, and leave an invalid index.
LOCK_TIMEOUT_S = 0.8
ATTEMPTS = 8
# How long another migration, which is not an operation, is waited for.
OTHERS_S = 12.0
_LOCK_NOT_AVAILABLE = "55P03"

# Of an index that is built or dropped beside the transaction, the name.
_CONCURRENT = re.compile(
    r'(?:create\s+(?:unique\s+)?|drop\s+)index\s+concurrently\s+(?:if\s+(?:not\s+)?exists\s+)?(?:\w+\.)?"?(\w+)"?',
    re.IGNORECASE,
)

Move = Callable[[str, str, How], MigrationStatus]


class NotMigrated(SignalistError):
    """The schema is not where it was to be."""


async def status(world: World) -> standing.MigrationStatus:
    async with world.database.session() as session:
        current = await server.revision(session)
    return await asyncio.to_thread(standing.compare, current)


async def preflight(world: World, run: Run) -> None:
    await statement.warn_of_old_transactions(run)
    async with run.database.session() as session:
        invalid = await invalid_indexes.read(session)
    for index in invalid:
        await run.say(f"The index {index.name} on {index.table} is not valid: writes pay for it.", "warning")


async def move(
    world: World,
    run: Run,
    told: Story,
    *,
    start: str | None,
    end: str | None,
    step: Move,
    to: str,
) -> None:
    """One revision, in its own transaction; a lock that is not free is asked for again and again."""
    await restore(world, run)
    current = (await status(world)).current
    if current == end:
        await run.say(f"The schema is at {end or 'the beginning'} already.")
        return
    if current != start:
        raise Conflict(f"The schema is at {current}, not at {start}: somebody else has moved it.")
    begun = run.result.get("move", {})
    if (begun.get("start"), begun.get("end")) != (start, end):
        async with run.database.session() as session:
            valid = await index_definitions.of_valid(session)
        beside = [found[1] for sql in told.sql or () if (found := _CONCURRENT.match(sql))]
        before = {name: valid[name] for name in beside if name in valid}
        await run.keep(move={"start": start, "end": end, "beside": beside, "before": before})
    heard: deque[str] = deque()
    how = How(OTHERS_S, statement.application(run), LOCK_TIMEOUT_S, heard.append)

    async def watch() -> tuple[float | None, str]:
        while heard:
            await run.say(f"{_short(heard.popleft())};")
        return None, f"revision {told.id}"

    for attempt in range(1, ATTEMPTS + 1):
        try:
            await statement.follow(run, partial(_run, step, world.database.owner_url, to, how), watch)
        except StatementFailed as error:
            await watch()
            if error.sqlstate != _LOCK_NOT_AVAILABLE or attempt == ATTEMPTS:
                raise
            pause = min(2.0**attempt, 20.0)
            await run.say(
                f"A lock was not free within {LOCK_TIMEOUT_S} s: the revision is undone, and nobody waits behind us. "
                f"Attempt {attempt + 1} of {ATTEMPTS} in {duration(pause)}.",
                "warning",
            )
            await restore(world, run)
            await run.pause(pause)
        else:
            await watch()
            return


def _run(step: Move, url: str, to: str, how: How) -> None:
    step(url, to, how)


def _short(sql: str) -> str:
    flat = re.sub(r"\s+", " ", sql)
    return flat if len(flat) <= 300 else f"{flat[:297]}…"


async def restore(world: World, run: Run) -> None:
    """Ends what a lost worker left running; makes the indexes of a revision that is begun and not done as they were.

    Indexes that are built or dropped concurrently are outside of the revision's transaction: cut short it leaves them
    as they are, and would stumble over them the next time. One that was there before, and still is, stays. Raises
    NotMigrated, with what to type, when one that it has dropped cannot be built again; all others are.
    """
    if pids := await statement.running(run):
        await run.say("A session of the worker that was lost is still at it: ending it, which undoes its revision.")
        async with run.database.owner_session() as session:
            await backends.terminate(session, pids)
        await statement.ended(run)
    begun = run.result.get("move")
    if begun is None or (await status(world)).current != begun["start"]:
        return
    # An operation that an older version began has kept only what it builds.
    beside, before = begun.get("beside", begun.get("builds", ())), begun.get("before", {})
    async with run.database.session() as session:
        present = await table_sizes.of_indexes(session)
        valid = await index_definitions.of_valid(session)
    for name in dict.fromkeys(beside):
        if name in present and (name not in valid or valid[name] != before.get(name)):
            await run.say(f"{name} was left by a revision that did not end: dropping it.", "warning")
            await statement.execute(run, index_ddl.drop(name))
    refused: dict[str, str] = {}
    for name, sql in before.items():
        if valid.get(name) == sql:
            continue
        await run.say(f"{name} was dropped by a revision that did not end: building it again.", "warning")
        try:
            await statement.execute(run, sql)
        except StatementFailed as error:
            await statement.execute(run, index_ddl.drop(name))
            refused[name] = str(error)
    if refused:
        left = f"{listed(list(refused))} {'is' if len(refused) == 1 else 'are'} gone"
        typed = " and ".join(f"`{before[name]};`" for name in refused)
        raise NotMigrated(f"{left}, since {' '.join(refused.values())} Once that is mended, type {typed}.")


async def arrived(world: World, target: str | None) -> None:
    current = (await status(world)).current
    if current != target:
        raise NotMigrated(f"The schema is at {current}, and was to be at {target}.")


async def no_invalid_index(run: Run) -> None:
    async with run.database.session() as session:
        invalid = await invalid_indexes.read(session)
    named = [i.name for i in invalid if any(re.search(rf"\b{re.escape(i.name)}\b", sql) for sql in run.row.plan.sql)]
    if named:
        raise NotMigrated(f"Not valid: {listed(named)}.")

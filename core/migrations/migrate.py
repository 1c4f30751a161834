"""Moving the schema as an operation: up, and down."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from core.errors import Conflict, NotFound
from core.indexes import room
from core.migrations import migrate_steps, move, scripts, standing, story
from core.migrations.differences import drift
from core.migrations.migrate_steps import LOCK_TIMEOUT_S, NotMigrated
from core.migrations.standing import MigrationStatus
from core.migrations.story import Story
from core.operations import smoke
from core.operations.kind import EXCLUSIVE_DATABASE, Step, Undone, World
from core.operations.plan import Danger, Explored, Parameters, Plan, PlannedStep
from core.operations.running import Run
from core.phrases import counted, duration, listed, size
from core.queries import maintenance
from core.queries.operations import OperationRow

# A small server reads or writes about this many bytes of a table in a second.
BYTES_PER_S = 100 * 2**20
_OURS = standing.OPERATIONS


class RemovesOperations(Conflict):
    """That downgrade removes the table in which operations are kept, so it cannot be one."""


class _Migrate:
    """What both ways have in common."""

    exclusive = EXCLUSIVE_DATABASE
    can_pause = False
    name: str
    verb: str

    def stays(self, row: OperationRow) -> str | None:
        return None

    async def outcome(self, world: World, run: Run) -> str:
        target = run.row.parameters["revision"]
        before = run.row.matters["current"] or "an empty database"
        return f"The schema is at {target or 'the beginning'}; it was at {before}."

    def steps(self, world: World, row: OperationRow) -> tuple[Step, ...]:
        return (
            Step("Preflight", partial(migrate_steps.preflight, world)),
            *(Step(f"Revision {name}", partial(self._act, world, name)) for name in row.matters["revisions"]),
            Step("Verify", partial(self._verify, world), proof=True),
        )

    async def _act(self, world: World, revision: str, run: Run) -> None:
        raise NotImplementedError

    async def _verify(self, world: World, run: Run) -> None:
        raise NotImplementedError


class Upgrade(_Migrate):
    """Through the pending revisions, up to one of them."""

    name = "upgrade schema"

    async def settle(self, world: World, asked: Parameters) -> Mapping[str, Any]:
        revision = str(asked.get("revision") or "head")
        head, known = await asyncio.to_thread(scripts.revisions)
        if revision == "head":
            revision = head
        if revision not in known:
            raise NotFound(f"There is no revision {revision}.")
        return {"revision": revision}

    async def explore(self, world: World, parameters: Parameters) -> Explored:
        status = await migrate_steps.status(world)
        if status.ahead:
            raise Conflict(f"The database is at {status.current}, which this version does not know: update Signalist.")
        target = parameters["revision"]
        if target not in status.pending:
            raise Conflict(f"The schema is at {status.current}: {target} has run already.")
        revisions = status.pending[: status.pending.index(target) + 1]
        stories = await story.upwards(world.database, revisions)
        return await _explored(world, status, revisions, stories)

    def plan(self, parameters: Parameters, explored: Explored) -> Plan:
        stories: Sequence[Story] = explored.seen["stories"]
        current = explored.matters["current"]
        back = f"`signalist db downgrade {current}`" if current else "nothing: the database was empty"
        lost = f", which loses {listed([each for s in stories for each in s.undoing_loses]) or 'nothing'}"
        if not all(s.reversible for s in stories):
            lost = "; not all can be taken back"
        return _plan(
            explored,
            title=f"Upgrade the schema to {parameters['revision']}",
            summary=f"{counted(len(stories), 'revision')} pending: {listed([f'{s.id} {s.summary}' for s in stories])}.",
            rollback=f"what fails leaves nothing behind; the revisions before stay, and {back} takes them back{lost}",
            phrase=f"upgrade to {parameters['revision']}",
            verify="at the new revision, no difference from the models, every index valid, every screen can be read",
        )

    async def _act(self, world: World, revision: str, run: Run) -> None:
        (told,) = await story.upwards(world.database, [revision])
        await migrate_steps.move(
            world, run, told, start=scripts.below(revision), end=revision, step=move.upgrade, to=revision
        )

    async def _verify(self, world: World, run: Run) -> None:
        await migrate_steps.arrived(world, run.row.parameters["revision"])
        status = await migrate_steps.status(world)
        if status.is_current:
            if found := await asyncio.to_thread(drift, world.database.url):
                raise NotMigrated(f"The database differs from the models: {'; '.join(found[:3])}")
            await run.say("The database is what the models say.")
            await run.say(await smoke.read_what_screens_show(world))
        await migrate_steps.no_invalid_index(run)

    async def roll_back(self, world: World, run: Run) -> Undone:
        await migrate_steps.restore(world, run)
        status = await migrate_steps.status(world)
        start = run.row.matters["current"]
        done = [name for name in run.row.matters["revisions"] if name not in status.pending]
        if not done:
            return Undone()
        stories = await story.downwards(world.database, list(reversed(done)))
        loses = [what for each in stories for what in each.loses]
        if loses or not all(each.reversible and each.sql is not None for each in stories):
            why = f"taking {'it' if len(done) == 1 else 'them'} back loses {listed(loses)}" if loses else "no way back"
            verb = "stays" if len(done) == 1 else "stay"
            return Undone(
                left=f"{listed(done)} {verb}, since {why}; `signalist db downgrade {start or 'base'}` does it."
            )
        await run.say(f"Taking {listed(done)} back, which loses nothing.")
        for each in stories:
            below = scripts.below(each.id)
            await migrate_steps.move(
                world, run, each, start=each.id, end=below, step=move.downgrade, to=below or "base"
            )
        return Undone()


class Downgrade(_Migrate):
    """Back to an earlier revision."""

    name = "downgrade schema"

    async def settle(self, world: World, asked: Parameters) -> Mapping[str, Any]:
        wanted = str(asked.get("revision") or "")
        status = await migrate_steps.status(world)
        if wanted == "-1" and status.current and not status.ahead:
            return {"revision": await asyncio.to_thread(scripts.below, status.current)}
        if wanted == "base":
            return {"revision": None}
        if wanted not in (await asyncio.to_thread(scripts.revisions))[1]:
            raise NotFound(f"There is no revision {wanted}." if wanted else "Name the revision to go back to.")
        return {"revision": wanted}

    async def explore(self, world: World, parameters: Parameters) -> Explored:
        status = await migrate_steps.status(world)
        if status.ahead:
            raise Conflict(f"The database is at {status.current}, which this version does not know how to take back.")
        target = parameters["revision"]
        applied = [r for r in (await asyncio.to_thread(scripts.revisions))[1] if r not in status.pending]
        if target == status.current or (target is not None and target not in applied):
            raise Conflict(f"The schema is at {status.current}: {target} is not before that.")
        revisions = applied[: applied.index(target)] if target else applied
        stories = await story.downwards(world.database, revisions)
        if any(f"the table {_OURS} with" in what for each in stories for what in each.loses):
            raise RemovesOperations(
                f"Going back to {target or 'the beginning'} removes the table in which operations are kept, so it "
                "cannot be one: `signalist db downgrade` does it without."
            )
        if irreversible := [each.id for each in stories if not each.reversible]:
            raise Conflict(f"{listed(irreversible)} cannot be taken back: there is no downgrade in the file.")
        return await _explored(world, status, revisions, stories)

    def plan(self, parameters: Parameters, explored: Explored) -> Plan:
        stories: Sequence[Story] = explored.seen["stories"]
        target = parameters["revision"] or "the beginning"
        return _plan(
            explored,
            title=f"Downgrade the schema to {target}",
            summary=f"Takes back {listed([f'{s.id} {s.summary}' for s in stories])}.",
            rollback="upgrading again builds what was removed, without what was in it",
            phrase=f"downgrade to {target}",
            verify="at the older revision, every index valid",
        )

    async def _act(self, world: World, revision: str, run: Run) -> None:
        (told,) = await story.downwards(world.database, [revision])
        below = scripts.below(revision)
        await migrate_steps.move(world, run, told, start=revision, end=below, step=move.downgrade, to=below or "base")

    async def _verify(self, world: World, run: Run) -> None:
        await migrate_steps.arrived(world, run.row.parameters["revision"])
        await migrate_steps.no_invalid_index(run)

    async def roll_back(self, world: World, run: Run) -> Undone:
        await migrate_steps.restore(world, run)
        status = await migrate_steps.status(world)
        start = run.row.matters["current"]
        gone = [name for name in reversed(run.row.matters["revisions"]) if name in status.pending]
        if not gone:
            return Undone()
        for name in gone:
            (told,) = await story.upwards(world.database, [name])
            await migrate_steps.move(world, run, told, start=scripts.below(name), end=name, step=move.upgrade, to=name)
        lost = run.row.plan.loses
        if lost:
            return Undone(left=f"the schema is at {start} again, but what was lost on the way is gone: {lost}.")
        return Undone()


async def _explored(
    world: World, status: MigrationStatus, revisions: Sequence[str], stories: Sequence[Story]
) -> Explored:
    async with world.database.session() as session:
        limits = await maintenance.limits(session)
    return Explored(
        matters={"current": status.current, "head": status.head, "revisions": list(revisions)},
        seen={"stories": stories, "disk": room.look(world.database.url, limits.data_directory).disk},
    )


def _plan(explored: Explored, *, title: str, summary: str, rollback: str, phrase: str, verify: str) -> Plan:
    stories: Sequence[Story] = explored.seen["stories"]
    free: int | None = explored.seen["disk"]
    loses = [what for each in stories for what in each.loses]
    work = sum(
        table.size
        for each in stories
        for name, table in each.sizes.items()
        if any(lock.table == name and lock.lasts != "a moment" for lock in each.locks)
    )
    warnings = [
        Danger("warning", f"the SQL of {each.id} depends on what is in the database: read its file")
        for each in stories
        if each.sql is None
    ]
    if free is not None and free < 2 * work:
        full = f"the disk has {size(free)} left, and up to {size(work)} is built or written anew"
        warnings.append(Danger("danger", full))
    left = f", {size(free)} free" if free is not None else ", free space not visible here"
    seconds = 1.0 + work / BYTES_PER_S
    return Plan(
        title=title,
        summary=summary,
        steps=tuple(
            PlannedStep(
                f"{each.id} {each.summary}",
                each.sql or (),
                each.lock_words,
                tuple(f"{f.message} ({f.statement[:80]})" for f in each.findings or ()),
            )
            for each in stories
        ),
        locks="; ".join(dict.fromkeys(each.lock_words for each in stories)),
        memory="what Postgres has for maintenance",
        disk=f"up to {size(work)} for what is built or written anew{left}" if work else "next to none",
        duration=f"about {duration(seconds)}; a lock that is not free within {LOCK_TIMEOUT_S} s is asked for again",
        verify=verify,
        rollback=rollback,
        seconds=seconds,
        dangers=tuple(
            sorted((*warnings, *(d for each in stories for d in each.dangers)), key=lambda d: d.severity != "danger")
        ),
        loses=listed(loses) or None,
        phrase=phrase if loses else None,
    )

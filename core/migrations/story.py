"""Everything there is to know about a revision before it runs, or is taken back."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.db import Database
from core.migrations import dangers, locks, scripts, squawk, standing, statements
from core.migrations.locks import Lock
from core.migrations.squawk import Finding
from core.migrations.statements import NotKnownBeforehand
from core.operations.plan import Danger
from core.phrases import counted, listed, size
from core.queries import server, table_sizes
from core.queries.table_sizes import TableSize


@dataclass(frozen=True)
class Story:
    """One revision in one direction. `sql` None: it depends on what is in the database.

    `undoing_loses` is what goes with a downgrade, if there is one.
    `findings` None: squawk could not be run. `sizes` are those of the tables that it locks.
    """

    id: str
    summary: str
    applied: bool
    reversible: bool
    undoing_loses: tuple[str, ...]
    sql: tuple[str, ...] | None
    locks: tuple[Lock, ...]
    dangers: tuple[Danger, ...]
    findings: tuple[Finding, ...] | None
    sizes: Mapping[str, TableSize]

    @property
    def loses(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(lock.loses for lock in self.locks if lock.loses))

    @property
    def way_back(self) -> str:
        """`a downgrade is written, and loses nothing`."""
        if not self.reversible:
            return "none: no downgrade is written"
        return f"a downgrade is written, and loses {listed(self.undoing_loses) or 'nothing'}"

    @property
    def lock_words(self) -> str:
        """`ACCESS EXCLUSIVE on outbox (12 rows, 32 kB): blocks reads and writes for a moment`, and so on."""
        if self.sql is None:
            return "not known beforehand: it depends on what is in the database"
        felt = [lock for lock in self.locks if lock.blocks != "nothing" and lock.table]
        return "; ".join(dict.fromkeys(self._words(lock) for lock in felt)) or "none that block reads or writes"

    def _words(self, lock: Lock) -> str:
        table = self.sizes.get(lock.table or "")
        if table is None or lock.table is None:
            return lock.words
        return lock.words.replace(
            f"on {lock.table}", f"on {lock.table} ({counted(table.rows, 'row')}, {size(table.size)})", 1
        )


async def of_all(database: Database) -> tuple[Story, ...]:
    """Every revision, oldest first, as an upgrade."""
    async with database.session() as session:
        current = await server.revision(session)
    known = await asyncio.to_thread(standing.history, current)
    return await upwards(database, [revision.id for revision in known])


async def upwards(database: Database, revisions: Sequence[str]) -> tuple[Story, ...]:
    """What upgrading through `revisions`, oldest first, does."""
    return await _stories(database, revisions, up=True)


async def downwards(database: Database, revisions: Sequence[str]) -> tuple[Story, ...]:
    """What taking `revisions` back, newest first, does."""
    return await _stories(database, revisions, up=False)


async def _stories(database: Database, revisions: Sequence[str], *, up: bool) -> tuple[Story, ...]:
    async with database.session() as session:
        sizes = await table_sizes.read(session)
        indexes = await table_sizes.of_indexes(session)
        current = await server.revision(session)
        facts = await server.facts(session)
    pending = set((await asyncio.to_thread(standing.compare, current)).pending)
    texts = {revision: await asyncio.to_thread(_script, revision, up=up) for revision in revisions}
    found = []
    before: tuple[str, ...] = ()
    for revision in revisions:
        script = texts[revision]
        sql = None if script is None else statements.plain(script)
        # The tables that an earlier revision of the same plan makes are empty, and nobody uses them.
        judged = locks.of((*before, *(sql or ())), indexes)[len(locks.of(before, indexes)) :]
        if revision in pending or not up:
            before += sql or ()
        touched = {lock.table for lock in judged if lock.table}
        found.append(
            Story(
                id=revision,
                summary=scripts.get(revision).doc,
                applied=revision not in pending,
                reversible=await asyncio.to_thread(_reversible, revision),
                undoing_loses=await asyncio.to_thread(_undoing_loses, revision),
                sql=sql,
                locks=judged,
                dangers=dangers.dangers(judged, sizes),
                findings=await squawk.lint(script or (), facts.version),
                sizes={name: table for name, table in sizes.items() if name in touched},
            )
        )
    return tuple(found)


def _script(revision: str, *, up: bool) -> tuple[str, ...] | None:
    try:
        return statements.script_up(revision) if up else statements.script_down(revision)
    except (NotKnownBeforehand, NotImplementedError):
        return None


def _reversible(revision: str) -> bool:
    """Whether there is a way back: a downgrade that is not written does nothing, or refuses."""
    try:
        return bool(statements.down(revision)) or not statements.up(revision)
    except NotImplementedError:
        return False
    except NotKnownBeforehand:
        return True


def _undoing_loses(revision: str) -> tuple[str, ...]:
    script = _script(revision, up=False)
    return tuple(dict.fromkeys(lock.loses for lock in locks.of(statements.plain(script or ())) if lock.loses))

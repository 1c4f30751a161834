"""What the system proposes by itself: found, planned, renewed while it lasts, and withdrawn when its cause is gone."""

import datetime as dt
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession

from core.errors import BadRequest, Conflict, Unavailable
from core.indexes import recall, sizing
from core.indexes.reembed import Reembed
from core.migrations import MigrationStatus, compare
from core.operations import planning
from core.operations.kind import EXCLUSIVE_DATABASE, World
from core.operations.kinds import KINDS
from core.operations.states import ACTIVE, State
from core.queries import articles, index_measurements, invalid_indexes, operations, server, vector_index
from core.queries.index_measurements import Measurement
from core.queries.invalid_indexes import InvalidIndex
from core.queries.operations import OperationRow
from core.queries.vector_index import VectorTable

log = structlog.get_logger(__name__)

# Who said no, or what failed, is not asked again on the same day.
LEFT_ALONE = dt.timedelta(hours=24)
# A plan is made anew when this little of its time is left.
STALE = dt.timedelta(hours=2)


@dataclass(frozen=True)
class Finding:
    """`cause` stays the same while it lasts; `asked` is what the plan is to do about it."""

    kind: str
    cause: str
    asked: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Seen:
    """What the detectors look at."""

    table: VectorTable
    measured: Measurement | None
    invalid: tuple[InvalidIndex, ...]
    schema: MigrationStatus
    # Models that have embedded articles, and are not the one that searches use; but for what it refused.
    other_models: tuple[str, ...] = ()


async def detect(world: World) -> None:
    """Looks, and puts the list of proposals right. Raises DatabaseUnavailable."""
    async with world.database.session() as session:
        # What runs changes the very things that are looked at.
        if await operations.conflicting(session, EXCLUSIVE_DATABASE) is not None:
            return
        proposals = [row for row in await operations.proposed(session) if row.cause is not None]
        seen = await _look(session, world.model)
    wanted = {finding.cause: finding for finding in find(seen)}
    for row in proposals:
        finding = wanted.pop(row.cause or "", None)
        if row.approved_by is None:
            await (_withdraw(world, row) if finding is None else _renew(world, row, finding))
    for finding in wanted.values():
        await _propose(world, finding)


def find(seen: Seen) -> Iterator[Finding]:
    """Pure."""
    table, index = seen.table, seen.table.serving
    rows = table.rows or 0
    if index is None:
        if rows >= sizing.WORTH_AN_INDEX:
            yield Finding("rebuild index", "no vector index")
    elif sizing.outgrown(rows, index.shape, index.build.rows if index.build else None):
        yield Finding("rebuild index", "index outgrown")
    elif seen.measured is not None and seen.measured.recall < recall.target_of(index) and rows >= sizing.WORTH_AN_INDEX:
        yield Finding("rebuild index", "recall fell")
    for broken in seen.invalid:
        yield Finding("drop invalid index", f"invalid index {broken.name}", {"index": broken.name})
    if seen.other_models:
        yield Finding("embed articles", "embedded by another model")
    if seen.schema.pending and not seen.schema.ahead:
        yield Finding("upgrade schema", "revisions pending")


async def _look(session: AsyncSession, model: str) -> Seen:
    table = await vector_index.read(session)
    serving = table.serving
    return Seen(
        table=table,
        measured=await index_measurements.latest(session, serving.name, serving.mark) if serving else None,
        invalid=await invalid_indexes.read(session),
        schema=compare(await server.revision(session)),
        other_models=await _other_models(session, model),
    )


async def _other_models(session: AsyncSession, model: str) -> tuple[str, ...]:
    """What the last operation tried to embed, and could not, is no cause for another one."""
    last = await operations.latest(session, [Reembed.name])
    if last is not None and last.state in ACTIVE:
        return ()
    same = last is not None and last.parameters["model"] == model
    skipped = last.result.get("skipped", ()) if last is not None and same else ()
    return await articles.models_but(session, model, [uuid.UUID(each) for each in skipped])


async def _propose(world: World, finding: Finding) -> None:
    async with world.database.session() as session:
        if await operations.refused_lately(session, finding.cause, LEFT_ALONE):
            return
    try:
        await planning.propose(world, finding.kind, finding.asked, finding.cause)
    except (Conflict, BadRequest) as error:
        log.info("something could be done, and cannot be planned", cause=finding.cause, reason=str(error))


async def _renew(world: World, row: OperationRow, finding: Finding) -> None:
    """Only when it matters: whoever reads a plan is to find the same one a minute later."""
    try:
        made = await planning.draft(world, KINDS[row.kind], finding.asked)
    except Unavailable:
        raise
    except (Conflict, BadRequest):
        await _withdraw(world, row)
        return
    left = row.expires_at - dt.datetime.now(dt.UTC)
    if dict(made.explored.matters) != dict(row.matters) or left < STALE:
        await planning.renew(world, row, made)


async def _withdraw(world: World, row: OperationRow) -> None:
    async with world.database.session() as session:
        found = await operations.lock(session, row.id)
        if found is not None and found.state is State.PROPOSED and found.approved_by is None:
            outcome = "What it was for is gone."
            await operations.change(session, row.id, State.WITHDRAWN, ended_at=func.now(), outcome=outcome)

"""What was done to failed jobs: the rows of actions, small and large."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from sqlalchemy import Select, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.errors import NotFound
from core.failed_jobs.filter import Filter
from core.models import FailedJobAction
from core.queries import failure_tallies
from core.queries.count import Count
from core.queries.failed_list import FailedCursor
from core.queries.failed_take import Verb

ActionState = Literal["canary", "running", "done", "cancelled", "stopped"]


@dataclass(frozen=True)
class FailedJobsAction:
    """One action; see models.FailedJobAction.

    `succeeded` and `failed_again` count what has become of the jobs that it retried; the others are still on their way.
    """

    id: uuid.UUID
    verb: Verb
    actor: str
    face: str
    filter: Filter
    target: str
    cutoff: dt.datetime
    total: Count
    taken: int
    state: ActionState
    reason: str | None
    canary: int
    canary_ids: tuple[uuid.UUID, ...] | None
    rate: float | None
    cursor: FailedCursor | None
    next_step_at: dt.datetime
    created_at: dt.datetime
    finished_at: dt.datetime | None
    succeeded: int = 0
    failed_again: int = 0

    @property
    def on_their_way(self) -> int:
        """Jobs that it sent and of whose end nothing is known yet."""
        return max(self.taken - self.succeeded - self.failed_again, 0) if self.verb == "retry" else 0


async def add(
    session: AsyncSession,
    *,
    verb: Verb,
    actor: str,
    face: str,
    chosen: Filter,
    target: str,
    cutoff: dt.datetime,
    total: Count,
    canary: int = 0,
    rate: float | None = None,
) -> uuid.UUID:
    """Its first step is due at once: with a canary, that is it."""
    row = insert(FailedJobAction).values(
        verb=verb,
        actor=actor,
        face=face,
        filter=chosen.as_json(),
        target=target,
        cutoff=cutoff,
        total=total.value,
        total_is_exact=total.exact,
        state="canary" if canary else "running",
        canary=canary,
        rate=rate,
    )
    return (await session.execute(row.returning(FailedJobAction.id))).scalar_one()


async def get(session: AsyncSession, action: uuid.UUID) -> FailedJobsAction:
    """Raises NotFound."""
    found = await _read(session, _rows().where(FailedJobAction.id == action))
    if not found:
        raise NotFound("There is no such action on failed jobs.")
    return found[0]


async def recent(session: AsyncSession, limit: int) -> tuple[FailedJobsAction, ...]:
    """The newest first."""
    newest = (FailedJobAction.created_at.desc(), FailedJobAction.id.desc())
    return await _read(session, _rows().order_by(*newest).limit(limit))


async def in_sight(session: AsyncSession, limit: int) -> tuple[FailedJobsAction, ...]:
    """The newest first, and those that are under way, however old: at most `limit` of each."""
    newest = select(FailedJobAction.id).order_by(FailedJobAction.created_at.desc(), FailedJobAction.id.desc())
    going = select(FailedJobAction.id).where(_UNFINISHED).order_by(FailedJobAction.next_step_at)
    ids = newest.limit(limit).union(going.limit(limit))
    order = (FailedJobAction.created_at.desc(), FailedJobAction.id.desc())
    return await _read(session, _rows().where(FailedJobAction.id.in_(ids)).order_by(*order))


async def unfinished(session: AsyncSession, limit: int = 50) -> tuple[uuid.UUID, ...]:
    """Ids of the actions that have steps to do, those first that wait longest."""
    query = select(FailedJobAction.id).where(_UNFINISHED).order_by(FailedJobAction.next_step_at).limit(limit)
    return tuple((await session.execute(query)).scalars())


async def claim(session: AsyncSession, action: uuid.UUID) -> FailedJobsAction | None:
    """The action, if it has steps to do and nobody else is doing one; held until the transaction ends."""
    held = select(FailedJobAction.id).where(FailedJobAction.id == action, _UNFINISHED)
    if (await session.execute(held.with_for_update(skip_locked=True))).first() is None:
        return None
    return await get(session, action)


async def advance(
    session: AsyncSession,
    action: uuid.UUID,
    *,
    taken: int = 0,
    next_step_at: dt.datetime,
    cursor: FailedCursor | None = None,
    state: ActionState | None = None,
    canary_ids: Sequence[uuid.UUID] | None = None,
) -> None:
    """After a step: `taken` jobs more; what is None stays as it is."""
    await session.execute(
        update(FailedJobAction)
        .where(FailedJobAction.id == action)
        .values(
            taken=FailedJobAction.taken + taken,
            next_step_at=next_step_at,
            **({"cursor_at": cursor.at, "cursor_id": cursor.id} if cursor else {}),
            **({"state": state} if state else {}),
            **({"canary_ids": list(canary_ids)} if canary_ids is not None else {}),
        )
    )


async def end(
    session: AsyncSession, action: uuid.UUID, state: ActionState, at: dt.datetime, *, reason: str | None = None
) -> bool:
    """Nothing more is done for it. False: it had ended before."""
    ended = await session.execute(
        update(FailedJobAction)
        .where(FailedJobAction.id == action, _UNFINISHED)
        .values(state=state, finished_at=at, reason=reason)
        .returning(FailedJobAction.id)
    )
    return ended.first() is not None


async def skip_canary(session: AsyncSession, action: uuid.UUID) -> bool:
    """The rest goes ahead without waiting for the first jobs. False: it was not waiting for them."""
    going_on = await session.execute(
        update(FailedJobAction)
        .where(FailedJobAction.id == action, FailedJobAction.state == "canary", _UNFINISHED)
        .values(state="running")
        .returning(FailedJobAction.id)
    )
    return going_on.first() is not None


_UNFINISHED = text("failed_job_actions.finished_at is null")


def _rows() -> Select[FailedJobAction]:
    return select(FailedJobAction)


async def _read(session: AsyncSession, query: Any) -> tuple[FailedJobsAction, ...]:
    rows = tuple((await session.execute(query.execution_options(populate_existing=True))).scalars())
    outcomes = await failure_tallies.outcomes(session, [row.id for row in rows]) if rows else {}
    return tuple(
        FailedJobsAction(
            id=row.id,
            verb=cast("Verb", row.verb),
            actor=row.actor,
            face=row.face,
            filter=Filter.from_json(row.filter),
            target=row.target,
            cutoff=row.cutoff,
            total=Count(row.total, row.total_is_exact),
            taken=row.taken,
            state=cast("ActionState", row.state),
            reason=row.reason,
            canary=row.canary,
            canary_ids=None if row.canary_ids is None else tuple(row.canary_ids),
            rate=row.rate,
            cursor=FailedCursor(row.cursor_at, row.cursor_id) if row.cursor_at and row.cursor_id else None,
            next_step_at=row.next_step_at,
            created_at=row.created_at,
            finished_at=row.finished_at,
            succeeded=outcomes[row.id].succeeded,
            failed_again=outcomes[row.id].failed_again,
        )
        for row in rows
    )

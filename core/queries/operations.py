"""Operations: their plans, their states, and who has them in hand."""

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Select, and_, case, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from core.errors import Conflict
from core.models import Operation
from core.operations.plan import Plan, from_json, to_json
from core.operations.states import ACTIVE, HELD, State
from core.phrases import listed

PAGE = 50
# Where a result says who holds its statement up, by pid.
HELD_UP_BY = "held_up_by"


@dataclass(frozen=True)
class StepRecord:
    """A step that was begun. `ended_at` is None while it runs, or when it was cut short."""

    name: str
    started_at: dt.datetime
    ended_at: dt.datetime | None


@dataclass(frozen=True)
class OperationRow:
    """An operation as it is stored; see core.models.operation for what each field means."""

    id: uuid.UUID
    kind: str
    exclusive: str
    cause: str | None
    state: State
    title: str
    parameters: Mapping[str, Any]
    matters: Mapping[str, Any]
    plan: Plan
    plan_hash: str
    planned_at: dt.datetime
    explored_s: float
    expires_at: dt.datetime
    proposed_by: str
    approvals_needed: int
    approved_by: str | None
    approved_at: dt.datetime | None
    second_by: str | None
    second_at: dt.datetime | None
    started_at: dt.datetime | None
    ended_at: dt.datetime | None
    step: str | None
    progress: float | None
    note: str | None
    steps: tuple[StepRecord, ...]
    stop: str | None
    stop_by: str | None
    runner: str | None
    lease_until: dt.datetime | None
    takeovers: int
    result: Mapping[str, Any]
    outcome: str | None
    # By the clock of Postgres, when this was read.
    expired: bool

    @property
    def held_up(self) -> str | None:
        """Which sessions of Postgres its statement waits for, and what ends the first of them, as a sentence."""
        sessions: Mapping[str, str] = self.result.get(HELD_UP_BY, {}) if self.state in HELD else {}
        if not sessions:
            return None
        return (
            f"Waits for {listed([*sessions.values()])}. `select pg_terminate_backend({next(iter(sessions))})` ends it."
        )

    @property
    def waits_for_second(self) -> bool:
        """One person said yes, and another must."""
        return self.state is State.PROPOSED and self.approved_by is not None

    @property
    def ended(self) -> tuple[str, ...]:
        """The names of the steps that were completed."""
        return tuple(step.name for step in self.steps if step.ended_at is not None)


class OperationCursor(NamedTuple):
    """Where a page ended."""

    planned_at: dt.datetime
    id: uuid.UUID


@dataclass(frozen=True)
class OperationPage:
    """Some of them; `next` is None where they end."""

    rows: tuple[OperationRow, ...]
    next: OperationCursor | None


_COLUMNS = [
    *(getattr(Operation, name) for name in OperationRow.__dataclass_fields__ if name != "expired"),
    (and_(Operation.state == State.PROPOSED.value, Operation.expires_at <= func.now())).label("expired"),
]


def _row(values: Mapping[str, Any]) -> OperationRow:
    fields = dict(values)
    steps = tuple(
        StepRecord(s["name"], dt.datetime.fromisoformat(s["started_at"]), _moment(s["ended_at"]))
        for s in fields["steps"]
    )
    return OperationRow(**fields | {"state": State(fields["state"]), "plan": from_json(fields["plan"]), "steps": steps})


def _moment(text: str | None) -> dt.datetime | None:
    return dt.datetime.fromisoformat(text) if text else None


async def _one(session: AsyncSession, query: Select[Any]) -> OperationRow | None:
    row = (await session.execute(query)).mappings().one_or_none()
    return None if row is None else _row(dict(row))


async def get(session: AsyncSession, operation_id: uuid.UUID) -> OperationRow | None:
    return await _one(session, select(*_COLUMNS).where(Operation.id == operation_id))


async def lock(session: AsyncSession, operation_id: uuid.UUID) -> OperationRow | None:
    """The row, which nobody else changes until this transaction ends."""
    return await _one(session, select(*_COLUMNS).where(Operation.id == operation_id).with_for_update())


async def find(session: AsyncSession, prefix: str) -> tuple[uuid.UUID, ...]:
    """Up to two operations whose id begins with `prefix`: what people type is rarely all of it."""
    text_id = func.cast(Operation.id, Operation.kind.type)
    rows = await session.scalars(select(Operation.id).where(text_id.startswith(prefix, autoescape=True)).limit(2))
    return tuple(rows)


async def propose(session: AsyncSession, *, plan: Plan, **values: Any) -> uuid.UUID | None:
    """Stores a plan; None when its cause is proposed already."""
    made = await session.execute(
        insert(Operation)
        .values(plan=to_json(plan), title=plan.title, **values)
        .on_conflict_do_nothing(index_elements=["cause"], index_where=Operation.state == State.PROPOSED.value)
        .returning(Operation.id)
    )
    return made.scalar_one_or_none()


async def renew(session: AsyncSession, operation_id: uuid.UUID, *, plan: Plan, **values: Any) -> bool:
    """Puts a newer plan in the place of one that nobody has approved yet."""
    changed = await session.execute(
        update(Operation)
        .where(
            Operation.id == operation_id,
            Operation.state == State.PROPOSED.value,
            Operation.approved_by.is_(None),
        )
        .values(plan=to_json(plan), title=plan.title, planned_at=func.now(), **values)
        .returning(Operation.id)
    )
    return changed.scalar_one_or_none() is not None


async def change(session: AsyncSession, operation_id: uuid.UUID, state: State, **values: Any) -> None:
    """Moves an operation to `state`. The database refuses ways that are not allowed.

    Raises Conflict when another that is in its way became active at the same moment.
    """
    moved = update(Operation).where(Operation.id == operation_id).values(state=state.value, **values)
    try:
        await session.execute(moved)
    except IntegrityError as error:
        if "uq_operations_active" in str(error.orig):
            raise Conflict(
                "Another operation was approved at the same moment, and the two exclude each other."
            ) from error
        raise


async def conflicting(session: AsyncSession, exclusive: str) -> OperationRow | None:
    """The operation that now has to itself what another wants."""
    query = select(*_COLUMNS).where(Operation.exclusive == exclusive, Operation.state.in_(_values(ACTIVE)))
    return await _one(session, query)


async def has_in_hand(session: AsyncSession, article_id: uuid.UUID) -> bool:
    """Whether an operation that embeds articles has this one in hand (core.indexes.reembed)."""
    query = select(Operation.result["in_hand"].contains([str(article_id)])).where(
        Operation.exclusive == "embeddings",
        Operation.state.in_(_values({State.RUNNING, State.VERIFYING})),
    )
    return bool((await session.execute(query)).scalar_one_or_none())


async def proposed(session: AsyncSession, kind: str | None = None) -> tuple[OperationRow, ...]:
    """Every plan that waits for an approval, the newest first."""
    query = select(*_COLUMNS).where(Operation.state == State.PROPOSED.value).order_by(Operation.planned_at.desc())
    if kind is not None:
        query = query.where(Operation.kind == kind)
    return tuple(_row(dict(row)) for row in (await session.execute(query.limit(PAGE))).mappings())


async def active(session: AsyncSession) -> tuple[OperationRow, ...]:
    """Everything that is approved and has not ended."""
    query = select(*_COLUMNS).where(Operation.state.in_(_values(ACTIVE))).order_by(Operation.planned_at)
    return tuple(_row(dict(row)) for row in (await session.execute(query)).mappings())


async def open_ones(session: AsyncSession, failed_within: dt.timedelta) -> tuple[OperationRow, ...]:
    """What waits for an approval, what is under way, and what failed lately and left something behind; newest first."""
    query = (
        select(*_COLUMNS)
        .where(
            or_(
                Operation.state.in_(_values(ACTIVE | {State.PROPOSED})),
                and_(Operation.state == State.FAILED.value, Operation.ended_at > func.now() - failed_within),
            )
        )
        .order_by(Operation.planned_at.desc())
        .limit(PAGE)
    )
    return tuple(_row(dict(row)) for row in (await session.execute(query)).mappings())


async def latest(session: AsyncSession, kinds: Sequence[str]) -> OperationRow | None:
    """What happened last among operations of `kinds`: the active one, else the one that ended last after it ran."""
    is_active = case((Operation.state.in_(_values(ACTIVE)), 0), else_=1)
    query = (
        select(*_COLUMNS)
        .where(Operation.kind.in_(kinds), or_(Operation.state.in_(_values(ACTIVE)), Operation.started_at.is_not(None)))
        .order_by(is_active, Operation.planned_at.desc())
        .limit(1)
    )
    return await _one(session, query)


async def page(
    session: AsyncSession,
    *,
    kind: str = "",
    states: Iterable[State] = (),
    after: OperationCursor | None = None,
    limit: int = PAGE,
) -> OperationPage:
    """Newest first."""
    query = select(*_COLUMNS).order_by(Operation.planned_at.desc(), Operation.id.desc()).limit(limit + 1)
    if kind:
        query = query.where(Operation.kind == kind)
    if wanted := _values(states):
        query = query.where(Operation.state.in_(wanted))
    if after is not None:
        query = query.where(tuple_(Operation.planned_at, Operation.id) < after)
    rows = tuple(_row(dict(row)) for row in (await session.execute(query)).mappings())
    if len(rows) <= limit:
        return OperationPage(rows, None)
    return OperationPage(rows[:limit], OperationCursor(rows[limit - 1].planned_at, rows[limit - 1].id))


async def refused_lately(session: AsyncSession, cause: str, within: dt.timedelta) -> bool:
    """Whether a person said no to a proposal with this cause, or it was tried and failed, not longer ago than that."""
    ended = [State.CANCELLED, State.ROLLED_BACK, State.FAILED]
    query = select(Operation.id).where(
        Operation.cause == cause, Operation.state.in_(_values(ended)), Operation.ended_at >= func.now() - within
    )
    return (await session.execute(query.limit(1))).scalar_one_or_none() is not None


async def expire(session: AsyncSession) -> int:
    """Ends the proposals that nobody approved in time. Returns how many."""
    rows = await session.execute(
        update(Operation)
        .where(Operation.state == State.PROPOSED.value, Operation.expires_at <= func.now())
        .values(state=State.EXPIRED.value, ended_at=func.now(), outcome="Nobody approved it in time.")
        .returning(Operation.id)
    )
    return len(rows.all())


async def to_run(session: AsyncSession) -> tuple[uuid.UUID, ...]:
    """What a worker should have in hand and none has: approved ones, and those whose worker is gone."""
    nobodys = or_(Operation.state == State.APPROVED.value, Operation.state.in_(_values(HELD)))
    rows = await session.scalars(select(Operation.id).where(nobodys, _LAPSED))
    return tuple(rows)


async def claim(
    session: AsyncSession, operation_id: uuid.UUID, runner: str, lease: dt.timedelta
) -> OperationRow | None:
    """Takes an operation in hand; None when it is not to be run, or another worker has it."""
    taken_over = and_(Operation.state.in_(_values(HELD)), Operation.runner != runner)
    claimed = await session.execute(
        update(Operation)
        .where(
            Operation.id == operation_id,
            Operation.state.in_(_values(HELD | {State.APPROVED})),
            or_(_LAPSED, Operation.runner == runner),
        )
        .values(
            runner=runner,
            lease_until=func.now() + lease,
            started_at=func.coalesce(Operation.started_at, func.now()),
            takeovers=Operation.takeovers + case((taken_over, 1), else_=0),
        )
        .returning(Operation.id)
    )
    return None if claimed.scalar_one_or_none() is None else await get(session, operation_id)


async def lease_left(session: AsyncSession, operation_id: uuid.UUID) -> float | None:
    """For how many seconds somebody still has it in hand; None when it is not to be run at all."""
    left = func.coalesce(func.extract("epoch", Operation.lease_until - func.now()), 0)
    row = await session.execute(
        select(left).where(Operation.id == operation_id, Operation.state.in_(_values(HELD | {State.APPROVED})))
    )
    found = row.scalar_one_or_none()
    return None if found is None else max(0.0, float(found))


async def hold(session: AsyncSession, operation_id: uuid.UUID, runner: str, lease: dt.timedelta) -> str | None:
    """Renews the lease, and says what a person wants by now: "cancel", "pause" or "". None: it is not ours any more."""
    held = await session.execute(
        update(Operation)
        .where(
            Operation.id == operation_id,
            Operation.runner == runner,
            Operation.state.in_(_values(HELD | {State.APPROVED})),
        )
        .values(lease_until=func.now() + lease)
        .returning(func.coalesce(Operation.stop, ""))
    )
    return held.scalar_one_or_none()


async def ended_with(session: AsyncSession, operation_id: uuid.UUID, runner: str) -> bool:
    """Whether it is in nobody's hands any more, and was last in those of `runner`."""
    query = select(Operation.id).where(
        Operation.id == operation_id,
        Operation.runner == runner,
        Operation.state.not_in(_values(HELD | {State.APPROVED})),
    )
    return (await session.execute(query)).scalar_one_or_none() is not None


async def release(session: AsyncSession, operation_id: uuid.UUID, runner: str) -> None:
    """Lets go, so that another worker can go on at once."""
    await session.execute(
        update(Operation).where(Operation.id == operation_id, Operation.runner == runner).values(lease_until=None)
    )


async def report(session: AsyncSession, operation_id: uuid.UUID, runner: str, **values: Any) -> bool:
    """Writes what its worker knows. False: it is not that worker's any more, or it was cancelled before it began."""
    done = await session.execute(
        update(Operation)
        .where(
            Operation.id == operation_id,
            Operation.runner == runner,
            Operation.state.in_(_values(HELD | {State.APPROVED})),
        )
        .values(**values)
        .returning(Operation.id)
    )
    return done.scalar_one_or_none() is not None


async def ask_to_stop(session: AsyncSession, operation_id: uuid.UUID, stop: str, by: str) -> None:
    await session.execute(update(Operation).where(Operation.id == operation_id).values(stop=stop, stop_by=by))


def _values(states: Iterable[State]) -> list[str]:
    return [state.value for state in states]


_LAPSED = or_(Operation.lease_until.is_(None), Operation.lease_until < func.now())

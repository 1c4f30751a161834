"""Making a plan, and keeping it until somebody approves it."""

import datetime as dt
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func

from core.access import SYSTEM, Action, User
from core.errors import Conflict, NotFound
from core.operations.kind import Kind, World
from core.operations.kinds import KINDS
from core.operations.plan import Explored, Parameters, Plan, plan_hash
from core.operations.states import State
from core.queries import operations
from core.queries.operations import OperationRow
from core.recording import Deed, Face, attempted, committed

# What a person plans, that person is about to approve. What a detector proposes waits for one, and is planned anew.
EXPIRES = dt.timedelta(hours=1)
PROPOSAL_EXPIRES = dt.timedelta(hours=24)


@dataclass(frozen=True)
class Draft:
    """A plan that is not stored yet."""

    parameters: Mapping[str, Any]
    explored: Explored
    plan: Plan
    seconds: float


async def draft(world: World, kind: Kind, asked: Parameters) -> Draft:
    """Looks at the world and plans. Raises BadRequest for what cannot be, and Conflict when there is nothing to do."""
    started = time.monotonic()
    parameters = await kind.settle(world, asked)
    explored = await kind.explore(world, parameters)
    return Draft(parameters, explored, kind.plan(parameters, explored), time.monotonic() - started)


async def plan(
    world: World,
    user: User | None,
    face: Face,
    kind_name: str,
    asked: Parameters,
    *,
    replaces: uuid.UUID | None = None,
) -> OperationRow:
    """Stores a plan that somebody asked for, in the place of another one of theirs if it `replaces` that.

    Raises BadRequest, Conflict, and what `recorded` raises.
    """
    kind = KINDS[kind_name]
    deed = Deed(user, face, Action.PLAN_OPERATION, kind_name, {"asked": dict(asked)})
    async with attempted(world.database, deed) as allowed:
        values = _values(world, kind, await draft(world, kind, asked))
        async with committed(world.database, deed, allowed) as recording:
            if replaces is not None:
                await _replace(recording.session, replaces, by=user)
            operation_id = await operations.propose(
                recording.session, **values, proposed_by=allowed.name, expires_at=_in(EXPIRES)
            )
            deed.details["operation"] = str(operation_id)
    return await get(world, operation_id)


async def get(world: World, operation_id: uuid.UUID | None) -> OperationRow:
    """Raises NotFound."""
    async with world.database.session() as session:
        row = None if operation_id is None else await operations.get(session, operation_id)
    if row is None:
        raise NotFound("There is no such operation.")
    return row


async def propose(world: World, kind_name: str, asked: Parameters, cause: str) -> uuid.UUID | None:
    """Stores what a detector found; None when it is proposed already. Raises Conflict when there is nothing to do."""
    kind = KINDS[kind_name]
    made = await draft(world, kind, asked)
    async with world.database.session() as session:
        return await operations.propose(
            session,
            **_values(world, kind, made),
            cause=cause,
            proposed_by=SYSTEM.name,
            expires_at=_in(PROPOSAL_EXPIRES),
        )


async def renew(world: World, row: OperationRow, made: Draft) -> None:
    """Puts a newer plan in the place of a detector's proposal. One that somebody has approved stays."""
    values = _values(world, KINDS[row.kind], made)
    del values["kind"], values["exclusive"], values["approvals_needed"]
    async with world.database.session() as session:
        await operations.renew(session, row.id, **values, expires_at=_in(PROPOSAL_EXPIRES))


def _values(world: World, kind: Kind, made: Draft) -> dict[str, Any]:
    return {
        "kind": kind.name,
        "exclusive": kind.exclusive,
        "parameters": dict(made.parameters),
        "matters": dict(made.explored.matters),
        "plan": made.plan,
        "plan_hash": plan_hash(kind.name, made.parameters, made.explored.matters, made.plan),
        "explored_s": made.seconds,
        "approvals_needed": 2 if world.settings.require_second_approver else 1,
    }


def _in(time_left: dt.timedelta) -> Any:
    # By the clock of Postgres, which also decides when it is over.
    return func.now() + time_left


async def _replace(session: Any, operation_id: uuid.UUID, by: User | None) -> None:
    row = await operations.lock(session, operation_id)
    if row is None or row.state is not State.PROPOSED:
        raise Conflict("The plan that this was to replace is not waiting any more.")
    name = (by or SYSTEM).name
    await operations.change(session, row.id, State.WITHDRAWN, ended_at=func.now(), outcome=f"Planned anew by {name}.")

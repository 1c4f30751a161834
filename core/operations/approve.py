"""Saying yes. The one gate before anything is changed."""

import uuid

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession

from core.access import Action, User
from core.errors import BadRequest, Conflict, Forbidden, NotFound, SignalistError, Unavailable
from core.operations.kind import World
from core.operations.kinds import KINDS
from core.operations.plan import changes, plan_hash
from core.operations.states import State
from core.queries import operation_lines, operations
from core.queries.operations import OperationRow
from core.queues import enqueue
from core.queues import run_operation as job
from core.recording import Deed, Face, attempted, committed


class WorldChanged(Conflict):
    """What the plan was made for has changed: plan it anew."""


async def approve(
    world: World, user: User | None, face: Face, operation_id: uuid.UUID, *, read_hash: str, phrase: str = ""
) -> OperationRow:
    """Approves the plan whose hash the person has read. A worker begins at once, unless a second person must agree.

    `phrase` is what was typed, for a plan that loses data. Raises NotFound, BadRequest for a wrong phrase, Forbidden
    for a program where two people must agree, Conflict when it is not (or no more) to be approved, WorldChanged, and
    what `recorded` raises.
    """
    seen = await _get(world, operation_id)
    action = Action.APPROVE_LOSS if seen.plan.loses else Action.APPROVE_OPERATION
    deed = Deed(user, face, action, str(operation_id), {"title": seen.title})
    async with attempted(world.database, deed) as allowed:
        changed = await _changed(world, _checked(seen, user, read_hash, phrase))
        async with committed(world.database, deed, allowed) as recording:
            # Again, locked: somebody else may have decided meanwhile.
            row = _checked(await operations.lock(recording.session, operation_id), user, read_hash, phrase)
            if changed is None:
                await _refuse_conflicts(recording.session, row)
                # From the locked row: who approved a moment ago is the first of two, and stays so.
                deed.details["state"] = await _say_yes(recording.session, row, allowed.name)
            else:
                outcome = f"Not approved, since the world has changed: {changed}."
                await operations.change(
                    recording.session, operation_id, State.WITHDRAWN, ended_at=func.now(), outcome=outcome
                )
                deed.details.update(state="withdrawn", changed=changed)
    if changed is not None:
        raise WorldChanged(f"The world has changed since this was planned ({changed}). Plan it anew.")
    row = await _get(world, operation_id)
    if row.state is State.APPROVED:
        await hand_over(world, operation_id)
    return row


async def hand_over(world: World, operation_id: uuid.UUID) -> None:
    """Puts it into the queue. With Redis away it is found by the scheduler as soon as that is back."""
    try:
        await enqueue(world.redis, job(operation_id))
    except Unavailable:
        return


def _checked(row: OperationRow | None, user: User | None, read_hash: str, phrase: str) -> OperationRow:
    if row is None:
        raise NotFound("There is no such operation.")
    if row.state is not State.PROPOSED:
        by = f", approved by {row.approved_by}" if row.approved_by else ""
        raise Conflict(f"This operation is {row.state.value} already{by}.")
    if row.plan_hash != read_hash:
        raise Conflict("The plan is not the one that you have read: it was planned anew. Read it again.")
    if row.expired:
        raise Conflict("The plan has expired: plan it anew.")
    if row.plan.phrase and phrase.strip() != row.plan.phrase:
        raise BadRequest(f"This loses data. Type {row.plan.phrase} to approve it.")
    if row.approvals_needed > 1 and user is not None and user.is_program:
        raise Forbidden("Two people must approve this, and a token is none: it may be in anybody's hands.")
    if row.approved_by is not None and user is not None and row.approved_by == user.name:
        raise Conflict("You have approved this already: another person must, too.")
    return row


async def _changed(world: World, row: OperationRow) -> str | None:
    """What is not as it was when the plan was made, as a phrase; None when all is."""
    kind = KINDS[row.kind]
    try:
        explored = await kind.explore(world, row.parameters)
        plan = kind.plan(row.parameters, explored)
    except Unavailable:
        raise
    except SignalistError as error:
        return str(error).rstrip(".")
    if plan_hash(row.kind, row.parameters, explored.matters, plan) == row.plan_hash:
        return None
    return "; ".join(changes(row.matters, explored.matters)) or "its statements would be others now"


async def _refuse_conflicts(session: AsyncSession, row: OperationRow) -> None:
    other = await operations.conflicting(session, row.exclusive)
    if other is not None:
        raise Conflict(f"{other.title} is {other.state.value}: the two exclude each other. Wait until it has ended.")


async def _say_yes(session: AsyncSession, row: OperationRow, name: str) -> str:
    if row.approved_by is None and row.approvals_needed > 1:
        await operations.change(session, row.id, State.PROPOSED, approved_by=name, approved_at=func.now())
        await operation_lines.add(session, row.id, [("info", f"Approved by {name}; a second person must, too.")])
        return "waits for a second person"
    who = (
        {"second_by": name, "second_at": func.now()}
        if row.approved_by
        else {"approved_by": name, "approved_at": func.now()}
    )
    await operations.change(session, row.id, State.APPROVED, **who)
    await operation_lines.add(session, row.id, [("info", f"Approved by {name}.")])
    return "approved"


async def _get(world: World, operation_id: uuid.UUID) -> OperationRow:
    async with world.database.session() as session:
        row = await operations.get(session, operation_id)
    if row is None:
        raise NotFound("There is no such operation.")
    return row

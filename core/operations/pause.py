"""Holding on for a while, and going on."""

import uuid

from core.access import SYSTEM, Action, User
from core.errors import BadRequest, Conflict, NotFound
from core.operations.approve import hand_over
from core.operations.kind import World
from core.operations.kinds import KINDS
from core.operations.states import State
from core.queries import operation_lines, operations
from core.queries.operations import OperationRow
from core.recording import Face, recorded


async def pause(world: World, user: User | None, face: Face, operation_id: uuid.UUID) -> None:
    """Has a running operation stop where it is. Raises BadRequest for a kind that cannot, NotFound and Conflict."""
    async with recorded(
        world.database, user, face, Action.CANCEL_OPERATION, str(operation_id), verb="pause"
    ) as recording:
        row = _there(await operations.lock(recording.session, operation_id))
        if not KINDS[row.kind].can_pause:
            raise BadRequest(f"An operation of the kind {row.kind} cannot be paused; it can be cancelled.")
        if row.state is not State.RUNNING:
            raise Conflict(f"This operation is {row.state.value}: only a running one can be paused.")
        if row.stop:
            raise Conflict(f"{row.stop_by} has asked for a {row.stop} already.")
        await operations.ask_to_stop(recording.session, operation_id, "pause", (user or SYSTEM).name)


async def resume(world: World, user: User | None, face: Face, operation_id: uuid.UUID) -> None:
    """Has a worker go on with a paused operation. Raises NotFound and Conflict."""
    async with recorded(
        world.database, user, face, Action.APPROVE_OPERATION, str(operation_id), verb="resume"
    ) as recording:
        row = _there(await operations.lock(recording.session, operation_id))
        if row.state is not State.PAUSED:
            raise Conflict(f"This operation is {row.state.value}, not paused.")
        await operations.change(recording.session, operation_id, State.APPROVED, note=None)
        line = f"Resumed by {(user or SYSTEM).name}."
        await operation_lines.add(recording.session, operation_id, [("info", line)])
    await hand_over(world, operation_id)


def _there(row: OperationRow | None) -> OperationRow:
    if row is None:
        raise NotFound("There is no such operation.")
    return row

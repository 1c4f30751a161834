"""Saying no: to a plan, or to what already runs."""

import uuid

from sqlalchemy import func

from core.access import SYSTEM, Action, User
from core.errors import Conflict, NotFound
from core.operations.kind import World
from core.operations.kinds import KINDS
from core.operations.states import ENDED, HELD, State
from core.queries import operation_lines, operations
from core.queries.operations import OperationRow
from core.recording import Face, recorded


async def cancel(world: World, user: User | None, face: Face, operation_id: uuid.UUID) -> OperationRow:
    """Dismisses a plan, or has a worker stop and go back; past the point of no return it goes on to its end.

    Raises NotFound, Conflict when it has ended, and what `recorded` raises.
    """
    async with recorded(world.database, user, face, Action.CANCEL_OPERATION, str(operation_id)) as recording:
        row = await operations.lock(recording.session, operation_id)
        if row is None:
            raise NotFound("There is no such operation.")
        if row.state in ENDED:
            raise Conflict(f"This operation is {row.state.value} already.")
        name = (user or SYSTEM).name
        recording.details |= {"title": row.title, "was": row.state.value}
        if row.state in HELD:
            await operations.ask_to_stop(recording.session, operation_id, "cancel", name)
            await operation_lines.add(recording.session, operation_id, [("warning", f"{name} wants it cancelled.")])
        else:
            verb = "Dismissed" if row.state is State.PROPOSED else "Cancelled"
            stays = KINDS[row.kind].stays(row)
            outcome = f"{verb} by {name}. {stays}" if stays else f"{verb} by {name}."
            await operations.change(
                recording.session, operation_id, State.CANCELLED, ended_at=func.now(), outcome=outcome
            )
        found = await operations.get(recording.session, operation_id)
    return found or row

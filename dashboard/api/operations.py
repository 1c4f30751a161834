"""`/operations`: what was planned, approving and stopping it, and what became of it."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import PlainTextResponse

from core.operations import approve as approving
from core.operations import cancel as cancelling
from core.operations import note as notes
from core.operations import pause as pausing
from core.operations import planning
from core.operations.kind import World
from core.operations.states import State
from core.queries import operation_lines
from core.queries import operations as queries
from core.queries.operation_lines import Line
from core.queries.operations import OperationCursor, OperationRow
from core.queries.serial import Serial
from dashboard import urls
from dashboard.api.access import Approver, Canceller, Viewer
from dashboard.api.body import Body
from dashboard.api.paging import After, Limit, Page, position
from dashboard.context import context

router = APIRouter(prefix="/operations", tags=["operations"])


class Approval(Body):
    """A yes to what was read, and to nothing else."""

    plan_hash: str = Field(description="The `plan_hash` of the operation as it was read.")
    phrase: str = Field("", description="The plan's `phrase`, where it has one: it loses data.")


def world() -> World:
    return World(context().settings, context().database, context().redis)


@router.get("", summary="Operations, the newest first")
async def list_operations(
    _user: Viewer,
    kind: str = "",
    state: Annotated[State | None, Query(description="Only those in this state.")] = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[OperationRow]:
    async with context().database.session() as session:
        states = [state] if state else ()
        page = await queries.page(
            session, kind=kind, states=states, after=position(after, OperationCursor), limit=limit
        )
    return Page(items=page.rows, next=urls.cursor(page.next))


@router.get("/{operation_id}", summary="An operation with its plan")
async def show(operation_id: uuid.UUID, _user: Viewer) -> OperationRow:
    return await planning.get(world(), operation_id)


@router.get("/{operation_id}/log", summary="Its log, oldest first")
async def log(
    operation_id: uuid.UUID,
    _user: Viewer,
    after: Annotated[Serial, Query(description="Only lines later than the one with this id.")] = 0,
) -> tuple[Line, ...]:
    await planning.get(world(), operation_id)
    async with context().database.session() as session:
        return await operation_lines.since(session, operation_id, after)


@router.get("/{operation_id}/note", summary="The hand-over note, as Markdown", response_class=PlainTextResponse)
async def note(operation_id: uuid.UUID, _user: Viewer) -> PlainTextResponse:
    row = await planning.get(world(), operation_id)
    async with context().database.session() as session:
        lines = await operation_lines.since(session, operation_id)
    return PlainTextResponse(notes.note(row, lines), media_type="text/markdown")


@router.post("/{operation_id}/approve", summary="Say yes to a plan; a worker begins at once")
async def approve(operation_id: uuid.UUID, approval: Approval, user: Approver) -> OperationRow:
    return await approving.approve(
        world(), user, "api", operation_id, read_hash=approval.plan_hash, phrase=approval.phrase
    )


@router.post("/{operation_id}/cancel", summary="Dismiss a plan, or stop what runs and go back as it says")
async def cancel(operation_id: uuid.UUID, user: Canceller) -> OperationRow:
    return await cancelling.cancel(world(), user, "api", operation_id)


@router.post("/{operation_id}/pause", status_code=204, summary="Have it stop where it is, if its kind can")
async def pause(operation_id: uuid.UUID, user: Canceller) -> None:
    await pausing.pause(world(), user, "api", operation_id)


@router.post("/{operation_id}/resume", status_code=204, summary="Go on with a paused operation")
async def resume(operation_id: uuid.UUID, user: Approver) -> None:
    await pausing.resume(world(), user, "api", operation_id)

"""`/queues`: how deep they are, holding them, and emptying them."""

from fastapi import APIRouter
from pydantic import Field

from core import pausing, purging
from core.queues import Purged, QueueDepth, depths
from dashboard.api.access import QueueHolder, QueuePurger, Viewer
from dashboard.api.body import Body
from dashboard.api.clock import Now
from dashboard.context import context

router = APIRouter(prefix="/queues", tags=["queues"])


class Purge(Body):
    """What cannot be undone is confirmed."""

    confirm: str = Field(description="The name of the queue, again.")


@router.get("", summary="How deep every queue is")
async def list_queues(_user: Viewer, now: Now) -> tuple[QueueDepth, ...]:
    return await depths(context().redis, now)


@router.post("/{name}/pause", status_code=204, summary="Start no more jobs of a queue; those that run finish")
async def pause(name: str, user: QueueHolder) -> None:
    await pausing.pause_queue(context().database, context().redis, user, "api", name)


@router.post("/{name}/resume", status_code=204, summary="Start jobs of a queue again")
async def resume(name: str, user: QueueHolder) -> None:
    await pausing.resume_queue(context().database, context().redis, user, "api", name)


@router.post("/{name}/purge", summary="Delete the waiting and delayed jobs of a queue; those that run finish")
async def purge(name: str, body: Purge, user: QueuePurger) -> Purged:
    return await purging.purge_queue(context().database, context().redis, user, "api", name, confirm=body.confirm)

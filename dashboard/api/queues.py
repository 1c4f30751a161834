"""`/queues`: how deep they are, and holding them."""

from fastapi import APIRouter

from core import pausing
from core.queues import QueueDepth, depths
from dashboard.api.access import QueueHolder, Viewer
from dashboard.api.clock import Now
from dashboard.context import context

router = APIRouter(prefix="/queues", tags=["queues"])


@router.get("", summary="How deep every queue is")
async def list_queues(_user: Viewer, now: Now) -> tuple[QueueDepth, ...]:
    return await depths(context().redis, now)


@router.post("/{name}/pause", status_code=204, summary="Start no more jobs of a queue; those that run finish")
async def pause(name: str, user: QueueHolder) -> None:
    await pausing.pause_queue(context().database, context().redis, user, "api", name)


@router.post("/{name}/resume", status_code=204, summary="Start jobs of a queue again")
async def resume(name: str, user: QueueHolder) -> None:
    await pausing.resume_queue(context().database, context().redis, user, "api", name)

"""`/snapshot`: everything that the screens show, of one instant."""

from fastapi import APIRouter

from core.errors import Unavailable
from core.snapshot import Snapshot
from dashboard.api.access import Viewer
from dashboard.context import context

router = APIRouter(tags=["snapshot"])


@router.get("/snapshot", summary="Everything that the screens show, of one instant")
async def snapshot(_user: Viewer) -> Snapshot:
    latest = context().poller.latest
    if latest is None:
        raise Unavailable("Nothing has been read yet: ask again in a second.")
    return latest

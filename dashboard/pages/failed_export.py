"""`/failed.csv` and `/failed.json`: the failed jobs that match, as a file."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import StreamingResponse

from core.failed_jobs import export
from core.failed_jobs.filter import Filter
from dashboard import acting
from dashboard.api.access import Viewer
from dashboard.api.files import as_file
from dashboard.components.failed_address import FailedAddress
from dashboard.context import context
from dashboard.urls import read_id

router = APIRouter(include_in_schema=False)


def _asked(
    *,
    q: str = "",
    task: str = "",
    queue: str = "",
    cause: str = "",
    within: str = "",
    state: str = "",
    action: str = "",
    ids: str = "",
) -> Filter:
    """`ids` has commas in between; what is none counts as not said."""
    asked = FailedAddress.read(
        text=q, task=task, queue=queue, cause=cause, within=within, state=state, action=action, after="", job=""
    )
    return asked.filter(acting.now()).named(tuple(filter(None, map(read_id, ids.split(",")))))


Asked = Annotated[Filter, Depends(_asked)]


@router.get("/failed.csv")
async def as_csv(user: Viewer, asked: Asked) -> StreamingResponse:
    return await as_file(export.as_csv(context().database, user, asked), "failed-jobs", "csv")


@router.get("/failed.json")
async def as_json(user: Viewer, asked: Asked) -> StreamingResponse:
    return await as_file(export.as_json(context().database, user, asked), "failed-jobs", "json")

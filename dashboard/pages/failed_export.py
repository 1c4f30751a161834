"""`/failed.csv` and `/failed.json`: the failed jobs that match, as a file."""

from collections.abc import AsyncIterator, Callable
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import StreamingResponse

from core.access import User
from core.db import Database
from core.failed_jobs import export
from core.failed_jobs.filter import Filter
from dashboard import acting
from dashboard.api.access import Viewer
from dashboard.api.files import as_file
from dashboard.components.failed_address import FailedAddress
from dashboard.context import context

router = APIRouter(include_in_schema=False)

Write = Callable[[Database, User | None, Filter], AsyncIterator[str]]


def _asked(
    *,
    q: str = "",
    task: str = "",
    queue: str = "",
    cause: str = "",
    within: str = "",
    state: str = "",
    action: str = "",
) -> FailedAddress:
    return FailedAddress.read(
        text=q, task=task, queue=queue, cause=cause, within=within, state=state, action=action, after="", job=""
    )


Asked = Annotated[FailedAddress, Depends(_asked)]


@router.get("/failed.csv")
async def as_csv(user: Viewer, asked: Asked) -> StreamingResponse:
    return await _file(export.as_csv, user, asked, "csv", "text/csv; charset=utf-8")


@router.get("/failed.json")
async def as_json(user: Viewer, asked: Asked) -> StreamingResponse:
    return await _file(export.as_json, user, asked, "json", "application/json")


async def _file(write: Write, user: User, asked: FailedAddress, suffix: str, media_type: str) -> StreamingResponse:
    return await as_file(
        write(context().database, user, asked.filter(acting.now())), f"failed-jobs.{suffix}", media_type
    )

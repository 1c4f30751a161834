"""`/record.csv` and `/record.json`: the actions that match, as a file."""

from collections.abc import AsyncIterator, Callable
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import StreamingResponse

from core import record
from core.access import User
from core.db import Database
from core.queries.records import RecordFilter
from dashboard import acting
from dashboard.api.access import Auditor
from dashboard.api.files import as_file
from dashboard.components.record_address import RecordAddress
from dashboard.context import context

router = APIRouter(include_in_schema=False)

Write = Callable[[Database, User | None, RecordFilter], AsyncIterator[str]]


def _asked(
    *, q: str = "", actor: str = "", action: str = "", outcome: str = "", within: str = "", until: str = ""
) -> RecordAddress:
    return RecordAddress.read(text=q, actor=actor, action=action, outcome=outcome, within=within, until=until, after="")


Asked = Annotated[RecordAddress, Depends(_asked)]


@router.get("/record.csv")
async def as_csv(user: Auditor, asked: Asked) -> StreamingResponse:
    return await _file(record.as_csv, user, asked, "csv", "text/csv; charset=utf-8")


@router.get("/record.json")
async def as_json(user: Auditor, asked: Asked) -> StreamingResponse:
    return await _file(record.as_json, user, asked, "json", "application/json")


async def _file(write: Write, user: User, asked: RecordAddress, suffix: str, media_type: str) -> StreamingResponse:
    parts = write(context().database, user, asked.filter(acting.now()))
    return await as_file(parts, f"record.{suffix}", media_type)

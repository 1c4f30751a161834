"""`/record.csv` and `/record.json`: the actions that match, as a file."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import StreamingResponse

from core import record
from dashboard import acting
from dashboard.api.access import Auditor
from dashboard.api.files import as_file
from dashboard.components.record_address import RecordAddress
from dashboard.context import context

router = APIRouter(include_in_schema=False)


def _asked(
    *, q: str = "", actor: str = "", action: str = "", outcome: str = "", within: str = "", until: str = ""
) -> RecordAddress:
    return RecordAddress.read(text=q, actor=actor, action=action, outcome=outcome, within=within, until=until, after="")


Asked = Annotated[RecordAddress, Depends(_asked)]


@router.get("/record.csv")
async def as_csv(user: Auditor, asked: Asked) -> StreamingResponse:
    return await as_file(record.as_csv(context().database, user, asked.filter(acting.now())), "record", "csv")


@router.get("/record.json")
async def as_json(user: Auditor, asked: Asked) -> StreamingResponse:
    return await as_file(record.as_json(context().database, user, asked.filter(acting.now())), "record", "json")

"""`/records`: who did what."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from core import record
from core.access import Action
from core.moments import moment
from core.queries.records import RecordCursor, RecordFilter, RecordRow
from core.recording import Outcome
from dashboard import urls
from dashboard.api.access import Auditor
from dashboard.api.clock import Now
from dashboard.api.files import Form, as_file
from dashboard.api.paging import After, Limit, Page, position
from dashboard.context import context

router = APIRouter(prefix="/records", tags=["records"])

WHEN = "How long ago (90min, 24h, 7d), or a time."


class Selection(BaseModel):
    """Which actions. Every part narrows it; what is left out says nothing."""

    actor: str = Field("", description="Who; a program is `token` and the name of its token.")
    action: Action | None = None
    outcome: Outcome | None = None
    since: str = Field("", description=WHEN)
    until: str = Field("", description=f"{WHEN} Actions before it.")
    text: str = Field("", description="In target, details, address and name.")

    def filter(self, now: Now) -> RecordFilter:
        """Raises BadRequest for a time that is none."""
        return RecordFilter(
            actor=self.actor,
            action=self.action or "",
            outcome=self.outcome or "",
            since=moment(self.since, now) if self.since else None,
            until=moment(self.until, now) if self.until else None,
            text=self.text,
        )


class RecordsPage(Page[RecordRow]):
    """The latest first."""

    searched: int | None = Field(None, description="Only so many were looked through, and there are more.")


@router.get("", summary="Who did what, the latest first")
async def list_records(
    user: Auditor, selection: Annotated[Selection, Query()], now: Now, after: After = None, limit: Limit = 100
) -> RecordsPage:
    page = await record.page(
        context().database, user, selection.filter(now), after=position(after, RecordCursor), limit=limit
    )
    return RecordsPage(items=page.rows, next=urls.cursor(page.next), searched=page.searched)


@router.get("/export", summary="Every action that matches, as a file", response_class=StreamingResponse)
async def export_records(
    user: Auditor, selection: Annotated[Selection, Query()], now: Now, form: Form = "json"
) -> StreamingResponse:
    write = record.as_csv if form == "csv" else record.as_json
    return await as_file(write(context().database, user, selection.filter(now)), "record", form)

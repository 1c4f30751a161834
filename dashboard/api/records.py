"""`/records`: who did what."""

from fastapi import APIRouter

from core.queries import records as queries
from core.queries.records import RecordRow
from dashboard import urls
from dashboard.api.access import Auditor
from dashboard.api.paging import After, Limit, Page, position, whole_number
from dashboard.context import context

router = APIRouter(prefix="/records", tags=["records"])


@router.get("", summary="Who did what, the latest first")
async def list_records(_user: Auditor, after: After = None, limit: Limit = 100) -> Page[RecordRow]:
    place = position(after, 1)
    async with context().database.session() as session:
        page = await queries.page(session, before=whole_number(place[0]) if place else None, limit=limit)
    return Page(items=page.rows, next=urls.cursor(str(page.next)) if page.next else None)

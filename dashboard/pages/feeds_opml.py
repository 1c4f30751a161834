"""`/feeds.opml`: every feed, as other readers import it."""

from fastapi import APIRouter
from starlette.responses import Response

from core.pipeline import opml
from core.queries import feeds
from dashboard import acting
from dashboard.api.access import FeedEditor
from dashboard.context import context

router = APIRouter(include_in_schema=False)


@router.get("/feeds.opml")
async def export(_user: FeedEditor) -> Response:
    """Addresses with their passwords, so it takes the right to edit feeds."""
    async with context().database.session() as session:
        rows = await feeds.everything(session)
    body = opml.write((opml.Outline(row.url, row.title) for row in rows), acting.now())
    headers = {"content-disposition": 'attachment; filename="signalist.opml"', "cache-control": "no-store"}
    return Response(body, media_type="text/x-opml", headers=headers)

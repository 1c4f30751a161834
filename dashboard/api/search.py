"""`/search`: articles by what they mean."""

import datetime as dt
import uuid
from typing import Annotated

from fastapi import APIRouter, Query

from core.pipeline.search import MOST_HITS, SearchHit
from core.pipeline.search import search as find
from dashboard.api.access import Searcher
from dashboard.context import context

router = APIRouter(tags=["search"])


@router.get("/search", summary="Articles nearest in meaning, the best first")
async def search(
    words: Annotated[str, Query(description="What to look for, in a few words.")],
    _user: Searcher,
    limit: Annotated[int, Query(ge=1, le=MOST_HITS)] = 10,
    feed_id: uuid.UUID | None = None,
    since: Annotated[dt.datetime | None, Query(description="Published then or later.")] = None,
    until: Annotated[dt.datetime | None, Query(description="Published before.")] = None,
) -> tuple[SearchHit, ...]:
    return await find(
        context().database, context().embedder, words, limit=limit, feed_id=feed_id, since=since, until=until
    )

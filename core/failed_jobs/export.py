"""Failed jobs as files, page by page: a million rows never stand in memory."""

from collections.abc import AsyncIterator

from pydantic_core import to_json

from core import spreadsheet
from core.access import Action, User, require
from core.db import Database
from core.failed_jobs.filter import Filter
from core.failed_jobs.narrowing import narrowed
from core.queries import failed_list, failed_show
from core.queries.failed_list import FailedCursor, FailedRow

_PAGE = 500
COLUMNS = (
    "id",
    "task",
    "queue",
    "args",
    "kwargs",
    "exception",
    "message",
    "reason",
    "attempts",
    "first_failed_at",
    "last_failed_at",
    "state",
    "resolved_at",
    "resolved_by",
    "fingerprint",
    "task_id",
)


async def as_csv(database: Database, user: User | None, chosen: Filter) -> AsyncIterator[str]:
    """A header and a line a job, the newest first. Raises NotLoggedIn, Forbidden and DatabaseUnavailable."""
    head: list[tuple[str, ...]] = [COLUMNS]
    async for page in _pages(database, user, chosen):
        yield spreadsheet.lines([*head, *(tuple(getattr(row, name) for name in COLUMNS) for row in page)])
        head = []


async def as_json(database: Database, user: User | None, chosen: Filter) -> AsyncIterator[str]:
    """An array of jobs with their whole story, the newest first. Raises as `as_csv` does."""
    separator = "["
    async for page in _pages(database, user, chosen):
        async with database.session() as session:
            stories = await failed_show.many(session, [row.id for row in page])
        for story in stories:
            yield f"{separator}\n{to_json(story).decode()}"
            separator = ","
    yield "[]\n" if separator == "[" else "\n]\n"


async def _pages(database: Database, user: User | None, chosen: Filter) -> AsyncIterator[tuple[FailedRow, ...]]:
    require(user, Action.VIEW)
    async with database.session() as session:
        chosen = await narrowed(session, chosen)
    after: FailedCursor | None = None
    while True:
        async with database.session() as session:
            page = await failed_list.page(session, chosen, after=after, limit=_PAGE)
        yield page.rows
        if page.next is None:
            return
        after = page.next

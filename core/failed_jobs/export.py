"""Failed jobs as files."""

from collections.abc import AsyncIterator

from core import files
from core.access import Action, User, require
from core.db import Database
from core.failed_jobs.filter import Filter
from core.failed_jobs.narrowing import narrowed
from core.queries import failed_list, failed_show
from core.queries.failed_list import FailedCursor, FailedRow
from core.queries.failed_show import FailedJobStory

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


def as_csv(database: Database, user: User | None, chosen: Filter) -> AsyncIterator[str]:
    """A header and a line a job, the newest first. Raises NotLoggedIn, Forbidden and DatabaseUnavailable."""
    return files.as_csv(COLUMNS, _pages(database, user, chosen))


def as_json(database: Database, user: User | None, chosen: Filter) -> AsyncIterator[str]:
    """An array of jobs with their whole story, the newest first. Raises as `as_csv` does."""
    return files.as_json(_stories(database, user, chosen))


async def _stories(database: Database, user: User | None, chosen: Filter) -> AsyncIterator[tuple[FailedJobStory, ...]]:
    async for page in _pages(database, user, chosen):
        async with database.session() as session:
            stories = await failed_show.many(session, [row.id for row in page])
        yield stories


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

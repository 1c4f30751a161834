"""Reading the record of actions. Whoever may read it, reads all of it: also what was refused to themselves."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from core import files
from core.access import Action, User, require
from core.db import Database
from core.queries import records
from core.queries.count import Count
from core.queries.records import RecordCursor, RecordFilter, RecordPage, RecordRow

_PAGE = 500
# More names make no list to choose from; whose is missing can be looked for by text.
MOST_ACTORS = 300
COLUMNS = tuple(RecordRow.__dataclass_fields__)


@dataclass(frozen=True)
class View:
    """A page of the record, how many match, and the last row of all at that moment."""

    page: RecordPage
    count: Count
    newest: int


async def page(
    database: Database, user: User | None, chosen: RecordFilter, *, after: RecordCursor | None = None, limit: int
) -> RecordPage:
    """The latest first. Raises NotLoggedIn, Forbidden and DatabaseUnavailable, as all that is here."""
    require(user, Action.READ_RECORD)
    async with database.session() as session:
        return await records.page(session, chosen, after=after, limit=limit)


async def view(
    database: Database, user: User | None, chosen: RecordFilter, *, after: RecordCursor | None, limit: int
) -> View:
    """What a page of it shows."""
    require(user, Action.READ_RECORD)
    async with database.session() as session:
        last = await records.newest(session)
        found = await records.page(session, chosen, after=after, limit=limit)
        return View(found, await records.count(session, chosen), last)


async def newer(database: Database, user: User | None, chosen: RecordFilter, than: int) -> Count:
    """How many that match came after the row `than`."""
    require(user, Action.READ_RECORD)
    async with database.session() as session:
        return await records.newer(session, chosen, than)


async def actors(database: Database, user: User | None) -> tuple[str, ...]:
    """Everyone who stands in it, by name."""
    require(user, Action.READ_RECORD)
    async with database.session() as session:
        return await records.actors(session, MOST_ACTORS)


def as_csv(database: Database, user: User | None, chosen: RecordFilter) -> AsyncIterator[str]:
    """A header and a line for each action, the latest first."""
    return files.as_csv(COLUMNS, _pages(database, user, chosen))


def as_json(database: Database, user: User | None, chosen: RecordFilter) -> AsyncIterator[str]:
    """An array of actions, the latest first."""
    return files.as_json(_pages(database, user, chosen))


async def _pages(database: Database, user: User | None, chosen: RecordFilter) -> AsyncIterator[tuple[RecordRow, ...]]:
    found = RecordPage((), None, None)
    while True:
        found = await page(database, user, chosen, after=found.next, limit=_PAGE)
        yield found.rows
        if found.next is None:
            return

"""What a new installation gets without being asked, and what an older one never does."""

import asyncio

from core import migrations
from core.accounts.people import ensure_first_admin
from core.db import Database
from core.errors import Conflict


def prepare(url: str) -> str | None:
    """Builds the schema if the database at `url` is empty; one that has data is left as it is.

    Returns a sentence where the operator has something to do. Raises DatabaseUnavailable, and Conflict for a database
    that holds something else.
    """
    found = migrations.status(url)
    if found.ahead:
        return f"The database is at revision {found.current}, which this version does not know: update Signalist."
    if found.current is not None:
        pending = ", ".join(found.pending)
        return f"Not run, since nobody asked: revision {pending}. Run `signalist db upgrade`." if pending else None
    if migrations.has_tables(url):
        raise Conflict(
            "The database has tables, but none of Signalist's: set DATABASE_URL to an empty one, or run "
            "`signalist db upgrade` if they are to share it."
        )
    migrations.upgrade(url)
    return None


def first_password(url: str) -> str | None:
    """Creates the account `admin` if there is no account, and returns its password, which is stored nowhere."""

    async def ensure() -> str | None:
        database = Database(url, application="up", pool_size=1)
        try:
            return await ensure_first_admin(database)
        finally:
            await database.close()

    return asyncio.run(ensure())

"""The sessions that this process has seen: asked of Postgres, and remembered for when it cannot be asked."""

import asyncio
import datetime as dt
import uuid
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace

from core.access import User
from core.accounts import logins, tokens
from core.accounts.logins import Login, fingerprint
from core.db import Database
from core.errors import DatabaseUnavailable, Unavailable

# A silent Postgres costs a page this many seconds.
PATIENCE_S = 2.0


class OpenLogins:
    """Answers who holds a token.

    While Postgres is away, whoever was let in before may go on reading until that session's own end: the moment in
    which the database is down is the moment in which this dashboard is needed. Nobody can act then, because every
    action asks again and leaves a record.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, Login] = {}
        self._active: set[uuid.UUID] = set()

    async def by_token(self, token: str, *, address: str | None) -> Login | None:
        """Who holds the token; None when it opens nothing. Raises Unavailable when that cannot be told."""
        key, now = fingerprint(token), dt.datetime.now(dt.UTC)
        try:
            async with _patience():
                login = await logins.by_token(self._database, token, address=address, now=now)
        except Unavailable:
            known = self._known.get(key)
            if known is None or known.expires_at <= now:
                raise
            return replace(known, user=replace(known.user, address=address))
        if login is None:
            self._known.pop(key, None)
        else:
            self._known[key] = login
        return login

    async def by_bearer(self, secret: str, *, address: str | None) -> User | None:
        """Who holds that API token; None when it opens nothing.

        Raises Unavailable when that cannot be told: programs can wait, and are not remembered.
        """
        async with _patience():
            return await tokens.bearer(self._database, secret, address=address, now=dt.datetime.now(dt.UTC))

    def active(self, session_id: uuid.UUID) -> None:
        """A person did something in an open page of that session."""
        self._active.add(session_id)

    async def still_open(self, ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Login]:
        """Those of these sessions that have not ended, as they are now, in one query. Forgets whatever has ended.

        Raises Unavailable.
        """
        asked = {*ids, *(login.id for login in self._known.values())}
        if not asked:
            return {}
        active, self._active = self._active, set()
        async with _patience():
            found = await logins.open_ones(self._database, asked, active=active, now=dt.datetime.now(dt.UTC))
        for key, login in list(self._known.items()):
            if login.id in found:
                self._known[key] = found[login.id]
            elif login.id in asked:
                del self._known[key]
        return found


@asynccontextmanager
async def _patience() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield
    except TimeoutError:
        raise DatabaseUnavailable("Postgres does not answer.") from None

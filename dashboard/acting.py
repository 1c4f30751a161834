"""Who acts, on what, through which face: the arguments that every verb of core takes first."""

import datetime as dt

from redis.asyncio import Redis

from core.access import Action, User, may
from core.db import Database
from core.recording import Face
from dashboard.context import context
from dashboard.guard import acting_user, current_user


async def recording_to() -> tuple[Database, User, Face]:
    """For verbs that touch Postgres only. Raises NotLoggedIn and Unavailable."""
    return context().database, await acting_user(), "browser"


async def queueing_to() -> tuple[Database, Redis, User, Face]:
    """For verbs that also queue jobs. Raises NotLoggedIn and Unavailable."""
    return context().database, context().redis, await acting_user(), "browser"


def allowed(action: Action) -> bool:
    """Whether a control is worth showing; the verb itself asks again."""
    return may(current_user(), action)


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)

"""What verbs work with: the servers of the settings, and the person at the keyboard."""

import os
import pwd
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from redis.asyncio import Redis

from core import queues
from core.access import Action, User, on_this_machine, require
from core.config import Settings, settings
from core.db import Database

# A person waits longer than a screen would, and nobody else waits behind them.
_STATEMENT_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Servers:
    """Postgres, Redis, and who asks."""

    settings: Settings
    database: Database
    redis: Redis
    user: User


@asynccontextmanager
async def connected() -> AsyncIterator[Servers]:
    """The servers for the time of one verb; they are connected to when they are first asked. Raises Unavailable."""
    chosen = settings()
    database = Database(chosen.database(), application="cli", statement_timeout=_STATEMENT_TIMEOUT_S, pool_size=2)
    redis = queues.connect(chosen.redis())
    try:
        yield Servers(chosen, database, redis, at_the_keyboard())
    finally:
        await redis.aclose()
        await database.close()


def at_the_keyboard() -> User:
    """The person who types. Asked like everybody else; their verbs ask for more."""
    try:
        login = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        login = f"uid {os.getuid()}"
    return require(on_this_machine(login), Action.VIEW)

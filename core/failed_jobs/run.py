"""Doing the steps of an action, one after the other."""

import asyncio
import datetime as dt
import time
import uuid

from redis.asyncio import Redis

from core.db import Database
from core.failed_jobs.step import GoOn, step


async def run(database: Database, redis: Redis, action: uuid.UUID, *, patience: float) -> bool:
    """Steps until there is nothing to do, or for about `patience` seconds. True: nothing is left to do here.

    Any number may run one action: they take turns. Raises DatabaseUnavailable.
    """
    deadline = time.monotonic() + patience
    while True:
        match await step(database, redis, action, dt.datetime.now(dt.UTC)):
            case GoOn(seconds):
                if time.monotonic() + seconds > deadline:
                    return False
                await asyncio.sleep(seconds)
            case _:
                return True

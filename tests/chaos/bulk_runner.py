"""Does the steps of one action on failed jobs, as a worker would, until it is killed."""

import asyncio
import sys
import uuid

from core import logs
from core.config import Settings
from core.db import Database
from core.failed_jobs import step
from core.failed_jobs.run import run
from core.queues import connect


async def main(database_url: str, redis_url: str, action: str) -> None:
    logs.configure(Settings(_env_file=None))
    # Many short steps: there is a lot to be killed in.
    step.AT_ONCE = 20
    await run(Database(database_url, application="worker"), connect(redis_url), uuid.UUID(action), patience=60)


asyncio.run(main(*sys.argv[1:]))

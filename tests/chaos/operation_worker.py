"""A worker with one operation, which kills itself when its log says a certain thing; "cancel" says when a person stops
it before.

Run as `python operation_worker.py '{"database": …, "redis": …, "operation": …, "at": "Build.", "after": 0.0}'`.
"""

import asyncio
import datetime as dt
import json
import os
import signal
import sys
import threading
import uuid
from pathlib import Path
from typing import Any

from core import logs, queues
from core.config import Settings
from core.db import Database
from core.migrations import scripts
from core.operations import run as running
from core.operations.kind import World
from core.operations.running import Run

CONFIG: dict[str, Any] = json.loads(sys.argv[1])


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def arm() -> None:
    said = Run.say

    async def say(self: Run, text: str, *rest: Any) -> None:
        await said(self, text, *rest)
        if "cancel" in CONFIG and text.startswith(CONFIG["cancel"]):
            await self.write(stop="cancel", stop_by="ada")
            while not self.wish:
                await asyncio.sleep(0.05)
        if text.startswith(CONFIG["at"]):
            if CONFIG["after"]:
                threading.Timer(CONFIG["after"], die).start()
            else:
                die()

    Run.say = say  # type: ignore[method-assign]


async def main() -> None:
    logs.configure(Settings(_env_file=None))
    running.LEASE = dt.timedelta(seconds=1)
    running.RENEW_EVERY_S = 0.2
    if CONFIG.get("scripts"):
        scripts.SCRIPTS = Path(CONFIG["scripts"])
    database = Database(CONFIG["database"], application="worker", statement_timeout=30)
    world = World(Settings(), database, queues.connect(CONFIG["redis"]))
    await running.run_operation(world, uuid.UUID(CONFIG["operation"]), "the worker that dies")


arm()
asyncio.run(main())

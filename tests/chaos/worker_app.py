"""A worker process with tasks whose effects are lines in a file, so that what happened is known whatever is killed.

Run as `python worker_app.py '{"redis": …, "database": …, "effects": …}'`.
"""

import asyncio
import json
import os
import random
import signal
import sys
import time
from contextlib import suppress
from typing import Any

from sqlalchemy import text
from taskiq.abc.middleware import TaskiqMiddleware
from taskiq.cli.worker.args import WorkerArgs
from taskiq.cli.worker.process_manager import ProcessManager
from taskiq.message import TaskiqMessage

from core import logs
from core.config import Settings
from core.db import Database
from core.errors import RetryLater, WillNotHeal
from workers.broker import Broker
from workers.leases import fence, still_mine
from workers.limits import Limits
from workers.worker import work

CONFIG: dict[str, Any] = json.loads(sys.argv[1])
EFFECTS = os.open(CONFIG["effects"], os.O_APPEND | os.O_CREAT | os.O_WRONLY)


def tell(job: str, event: str) -> None:
    """One line, in one write: lines of several processes do not mix."""
    line = {"job": job, "event": event, "pid": os.getpid(), "at": time.monotonic()}
    os.write(EFFECTS, (json.dumps(line) + "\n").encode())


def fail_or_not(fate: float) -> None:
    if fate < 0.05:
        raise ValueError("bad luck")
    if fate < 0.07:
        raise RetryLater("busy", retry_after=0.2)
    if fate < 0.08:
        raise WillNotHeal("hopeless")
    if fate < 0.0805:
        tell("", "died")
        os.kill(os.getpid(), signal.SIGKILL)


def die_once(job: str) -> None:
    with suppress(FileExistsError):
        os.close(os.open(f"{CONFIG['effects']}.{job}", os.O_CREAT | os.O_EXCL))
        tell("", "died")
        os.kill(os.getpid(), signal.SIGKILL)


class BeforeTheStart(TaskiqMiddleware):
    """The job is in the worker's hands, and its task has not begun."""

    def pre_execute(self, message: TaskiqMessage) -> TaskiqMessage:
        if message.task_name == "die_once_before_the_start":
            die_once(message.args[0])
        return message


def make_broker() -> Broker:
    database = Database(CONFIG["database"], application="chaos", before_commit=fence, pool_size=10)
    lifetime = CONFIG.get("lifetime", 3600.0)
    broker = Broker(
        CONFIG["redis"],
        database=database,
        slots=CONFIG.get("slots", 4),
        lease=CONFIG["lease"],
        recycling=Limits(lifetime=lifetime),
    )

    @broker.task(task_name="work")
    async def work(job: str, seconds: float = 0.0) -> None:
        """Takes `seconds`, and has its effect at the end if the job is still ours."""
        tell(job, "start")
        try:
            await asyncio.sleep(seconds)
            tell(job, "end" if await still_mine() else "stopped")
        except asyncio.CancelledError:
            tell(job, "stopped")
            raise

    @broker.task(task_name="block")
    async def block(job: str, seconds: float) -> None:
        """Blocks the whole event loop."""
        tell(job, "start")
        time.sleep(seconds)  # noqa: ASYNC251
        tell(job, "end")

    @broker.task(task_name="die")
    async def die(job: str) -> None:
        tell(job, "start")
        os.kill(os.getpid(), signal.SIGKILL)

    @broker.task(task_name="die_once_after_the_effect")
    async def die_once_after_the_effect(job: str) -> None:
        tell(job, "start")
        tell(job, "end")
        die_once(job)

    @broker.task(task_name="die_once_before_the_start")
    async def die_once_before_the_start(job: str) -> None:
        tell(job, "start")
        tell(job, "end")

    broker.add_middlewares(BeforeTheStart())

    @broker.task(task_name="write")
    async def write(job: str, seconds: float = 0.0) -> None:
        """Its effect is a row, written in one transaction that takes `seconds`."""
        tell(job, "start")
        try:
            async with database.session() as session:
                await session.execute(text("insert into effects (job) values (:job)"), {"job": job})
                await session.execute(text("select pg_sleep(:seconds)"), {"seconds": seconds})
        except BaseException:
            tell(job, "stopped")
            raise
        tell(job, "end")

    @broker.task(task_name="soak")
    async def soak(job: str, seed: int) -> None:
        """Does something random, and sometimes fails on the way."""
        chance = random.Random(f"{seed} {time.monotonic()}")
        tell(job, "start")
        try:
            await asyncio.sleep(chance.choice((0, 0, 0, 0.01, 0.1, 1.0)))
            fail_or_not(chance.random())
            tell(job, "end" if await still_mine() else "stopped")
        except Exception:
            tell(job, "failed")
            raise
        except BaseException:
            tell(job, "stopped")
            raise

    return broker


def listen(args: WorkerArgs) -> None:
    logs.configure(Settings(_env_file=None))
    work(args, make_broker())


def main() -> None:
    args = WorkerArgs(
        broker="",
        modules=[],
        workers=CONFIG.get("processes", 1),
        max_async_tasks=CONFIG.get("slots", 4),
        wait_tasks_timeout=CONFIG.get("drain", 1.0),
    )
    if CONFIG.get("managed", False):
        manager = ProcessManager(args=args, worker_function=listen)
        manager.start()
        for process in manager.workers:
            process.join()
    else:
        listen(args)


if __name__ == "__main__":
    main()

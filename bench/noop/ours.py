"""Signalist: the broker as `signalist worker` runs it, with its heartbeat, leases and record of failures."""

import os
import sys

from sending import URL, run, send_async
from taskiq.cli.worker.args import WorkerArgs
from taskiq.cli.worker.process_manager import ProcessManager

from core import logs
from core.config import settings
from core.db import Database
from core.errors import WillNotHeal
from core.queues import Job, connect, enqueue
from workers.broker import Broker
from workers.leases import fence
from workers.worker import work


def listen(args: WorkerArgs) -> None:
    logs.configure(settings())
    database = Database(os.environ["DATABASE_URL"], application="worker", before_commit=fence, pool_size=9)
    broker = Broker(URL, database=database, slots=args.max_async_tasks)

    @broker.task(task_name="noop")
    async def noop(n: int) -> None: ...

    @broker.task(task_name="fail")
    async def fail(n: int) -> None:
        raise WillNotHeal("on purpose")

    work(args, broker)


async def sending() -> None:
    redis = connect(URL)
    await send_async(lambda task, n: enqueue(redis, Job(task, (n,), "crawl")))
    await redis.aclose()


if __name__ == "__main__":
    if sys.argv[1] == "work":
        ProcessManager(
            WorkerArgs(
                broker="",
                modules=[],
                configure_logging=False,
                workers=int(sys.argv[2]),
                max_async_tasks=int(sys.argv[3]),
            ),
            listen,
        ).start()
    else:
        run(sending())

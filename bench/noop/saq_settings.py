"""SAQ: a job is moved to a list of active ones, and leaves that when it ends; no results."""

from typing import Any

from saq import Queue
from sending import URL, run, send_async

queue = Queue.from_url(URL)


async def noop(context: dict[str, Any], *, n: int) -> None: ...


async def fail(context: dict[str, Any], *, n: int) -> None:
    raise ValueError("on purpose")


settings = {"queue": queue, "functions": [noop, fail]}


async def sending() -> None:
    await queue.connect()
    await send_async(lambda task, n: queue.enqueue(task, n=n, ttl=-1))
    await queue.disconnect()


if __name__ == "__main__":
    run(sending())

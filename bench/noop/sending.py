"""Each file beside this one is a no-op, and one that fails, for one library, with the settings that its documentation
recommends for jobs that must not be lost. Run as a program it sends: `python FILE noop|fail NUMBER`, one job after the
other from one process, and prints the seconds that it took."""

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable

URL = os.environ["REDIS_URL"]


def send(one: Callable[[str, int], object]) -> None:
    """Calls `one(task, n)` so often."""
    started = time.perf_counter()
    for n in range(int(sys.argv[2])):
        one(sys.argv[1], n)
    print(time.perf_counter() - started)


async def send_async(one: Callable[[str, int], Awaitable[object]]) -> None:
    """Awaits `one(task, n)` so often."""
    started = time.perf_counter()
    for n in range(int(sys.argv[2])):
        await one(sys.argv[1], n)
    print(time.perf_counter() - started)


def run(main: Awaitable[None]) -> None:
    async def wrapped() -> None:
        await main

    asyncio.run(wrapped())

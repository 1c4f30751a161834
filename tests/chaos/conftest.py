"""Real worker processes that are killed, stopped and continued; servers of their own that are, too."""

import asyncio
import datetime as dt
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from redis.asyncio import Redis

from core.queues import QueueDepth, connect, depths
from core.servers.valkey import Valkey

LEASE_S = 3.0
APP = Path(__file__).with_name("worker_app.py")


@dataclass(frozen=True)
class Run:
    """One run of one job, in monotonic seconds. `ended`: it had its effect. A run that was killed ends at the kill."""

    job: str
    pid: int
    start: float
    end: float
    ended: bool


class Crew:
    """The worker processes of a test, and the ledger of what they did."""

    def __init__(self, folder: Path, **config: Any) -> None:
        self._config = {"effects": str(folder / "effects"), "lease": LEASE_S, **config}
        self._processes: list[subprocess.Popen[bytes]] = []
        self._deaths: dict[int, float] = {}
        self._log = (folder / "log").open("ab")
        self.log = folder / "log"

    def start(self, **config: Any) -> int:
        """Starts a process and returns its pid."""
        command = [sys.executable, str(APP), json.dumps(self._config | config)]
        process = subprocess.Popen(command, stdout=self._log, stderr=self._log)
        self._processes.append(process)
        return process.pid

    def send(self, pid: int, what: signal.Signals) -> float:
        """Returns when."""
        os.kill(pid, what)
        at = time.monotonic()
        if what == signal.SIGKILL:
            self._deaths[pid] = at
        return at

    def children(self, pid: int) -> list[int]:
        return [child.pid for child in psutil.Process(pid).children() if "worker_app" in " ".join(child.cmdline())]

    def is_running(self, pid: int) -> bool:
        process = next((one for one in self._processes if one.pid == pid), None)
        if process is not None:
            return process.poll() is None
        return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE

    def wait(self, pid: int, within: float = 10.0) -> int:
        return next(one for one in self._processes if one.pid == pid).wait(within)

    def end(self) -> None:
        """Kills what still runs, manager first, so that it starts no new ones."""
        for process in self._processes:
            if process.poll() is None:
                children = psutil.Process(process.pid).children(recursive=True)
                process.kill()
                process.wait()
                for child in children:
                    if child.is_running():
                        child.kill()
        self._log.close()

    def events(self) -> list[dict[str, Any]]:
        file = Path(self._config["effects"])
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def count(self, event: str, job: str | None = None) -> int:
        return sum(one["event"] == event and job in {None, one["job"]} for one in self.events())

    def runs(self) -> dict[str, list[Run]]:
        """Every run of every job."""
        found: dict[str, list[Run]] = defaultdict(list)
        begun: dict[tuple[str, int], float] = {}
        now = time.monotonic()
        for event in self.events():
            who = (event["job"], event["pid"])
            if event["event"] == "start":
                if who in begun:
                    # The same process has it a second time: the first run must have been over.
                    found[event["job"]].append(Run(*who, begun[who], float("inf"), ended=False))
                begun[who] = event["at"]
            elif who in begun:
                found[event["job"]].append(Run(*who, begun.pop(who), event["at"], ended=event["event"] == "end"))
        for who, start in begun.items():
            # A job that kills its own process ends with it.
            end = self._deaths.get(who[1], now if self.is_running(who[1]) else start)
            found[who[0]].append(Run(*who, start, end, ended=False))
        return found

    def overlaps(self) -> list[tuple[Run, Run]]:
        """Pairs of runs of one job at once: the promise says that there are none."""
        pairs = []
        for runs in self.runs().values():
            ordered = sorted(runs, key=lambda run: run.start)
            pairs += [(a, b) for a, b in itertools.pairwise(ordered) if b.start < a.end]
        return pairs

    def lost(self, jobs: Iterable[str]) -> list[str]:
        """Those of `jobs` that never had their effect."""
        done = {event["job"] for event in self.events() if event["event"] == "end"}
        return [job for job in jobs if job not in done]


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    """A Valkey of the test's own, to be killed."""
    server = Valkey(tmp_path)
    server.start()
    server.wait_until_ready()
    yield server
    server.stop()


@pytest.fixture
async def redis(valkey: Valkey) -> AsyncIterator[Redis]:
    client = connect(valkey.url)
    yield client
    await client.aclose()


@pytest.fixture
def crew(valkey: Valkey, database_url: str, tmp_path: Path) -> Iterator[Crew]:
    one = Crew(tmp_path, redis=valkey.url, database=database_url)
    yield one
    one.end()


@pytest.fixture
def until() -> Callable[..., Awaitable[Any]]:
    """Waits for a condition; the test fails after `within` seconds."""

    async def wait(condition: Callable[[], Any], within: float = 15.0) -> Any:
        deadline = time.monotonic() + within
        while True:
            found = condition()
            found = await found if isinstance(found, Awaitable) else found
            if found:
                return found
            assert time.monotonic() < deadline, "it did not happen in time"
            await asyncio.sleep(0.02)

    return wait


@pytest.fixture
def depth(redis: Redis) -> Callable[[str], Awaitable[QueueDepth]]:
    async def of(queue: str) -> QueueDepth:
        return next(one for one in await depths(redis, dt.datetime.now(dt.UTC)) if one.name == queue)

    return of

"""The soak: thousands of jobs under random faults, and a ledger of what became of each.

    python tests/chaos/soak.py --jobs 10000 --seconds 300 --seed 1

The same seed draws the same faults. Exit status 0 only if nothing was lost and no job ran twice at once.
"""

import argparse
import asyncio
import datetime as dt
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from crew import LEASE_S, Crew
from redis import ResponseError
from sqlalchemy import select, text

from core import logs, migrations
from core.config import Settings
from core.db import Database
from core.errors import Unavailable
from core.models import FailedJob
from core.queues import Job, connect, depths, enqueue, keys, outbox, pause, resume
from core.queues.delivery import DEATHS
from core.servers.postgres import TUNING, Postgres
from core.servers.server import Server
from core.servers.valkey import Valkey

QUEUES = ("crawl", "embed", "summarise")
# What has had no effect for so long is sent again, as the scheduler does from what Postgres says.
SETTLED_S = 2 * LEASE_S
# Of the jobs, so many are promised in a transaction, and so many of those are rolled back.
PROMISED, ROLLED_BACK = 0.2, 0.25
CARELESS = {**TUNING, "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass
class Ledger:
    """What was accepted, and when; what was rolled back; and how often something was done."""

    accepted: dict[str, tuple[Job, float]] = field(default_factory=dict)
    rolled_back: set[str] = field(default_factory=set)
    tally: Counter[str] = field(default_factory=Counter)


class Soak:
    """One run."""

    def __init__(self, jobs: int, seconds: float, seed: int, folder: Path) -> None:
        self._jobs = jobs
        self._seconds = seconds
        self._seed = seed
        # One draws what is sent, the other what is done to it: neither depends on how fast the other is.
        self._jobs_drawn, self._faults_drawn = random.Random(f"jobs {seed}"), random.Random(f"faults {seed}")
        self._folder = folder
        self._valkey = Valkey(folder)
        self._postgres = Postgres(folder, tuning=CARELESS)
        self._database = Database(self._postgres.url, application="soak")
        self._redis = connect(self._valkey.url)
        self._crew = Crew(folder, redis=self._valkey.url, database=self._postgres.url)
        self._ledger = Ledger()
        self._is_sending = True
        self._manager = 0
        # With how often each happens.
        self._faults: Mapping[Callable[[], Awaitable[None]], int] = {
            self._kill_a_worker: 8,
            self._stop_a_worker: 4,
            self._freeze_a_worker: 4,
            self._end_connections: 4,
            self._delete_a_group: 4,
            self._pause_a_queue: 2,
            self._kill_valkey: 3,
            self._restart_postgres: 1,
            self._empty_valkey: 1,
        }

    async def run(self) -> bool:
        with ExitStack() as stack:
            for server in (self._valkey, self._postgres):
                server.start()
                stack.callback(server.stop)
            for server in (self._valkey, self._postgres):
                server.wait_until_ready()
            migrations.upgrade(self._postgres.url)
            stack.callback(self._crew.end)
            self._manager = self._crew.start(managed=True, processes=3, slots=6, drain=2.0)
            started = time.monotonic()
            chores = [
                asyncio.create_task(self._repeat(self._relay, 0.5)),
                asyncio.create_task(self._repeat(self._reconcile, 1.0)),
            ]
            await asyncio.gather(self._send_all(), self._harm())
            settled = await self._settle(within=60 + self._seconds / 4)
            for chore in chores:
                chore.cancel()
            lost = await self._lost()
            await self._report(time.monotonic() - started, lost)
            await self._redis.aclose()
            await self._database.close()
            wrong = [lost, self._crew.overlaps(), self._resurrected(), await self._wrongly_held_to_kill()]
            return settled and not any(wrong)

    # The jobs

    async def _send_all(self) -> None:
        pace = self._seconds / self._jobs
        started = time.monotonic()
        for n in range(self._jobs):
            await self._send(f"job {n}")
            await asyncio.sleep(max(started + (n + 1) * pace - time.monotonic(), 0))
        self._is_sending = False

    async def _send(self, name: str) -> None:
        """As a careful sender does: what was refused is sent again until it is accepted."""
        draw = self._jobs_drawn.random()
        job = Job("soak", (name, self._seed), self._jobs_drawn.choice(QUEUES), f"soak:{name}")
        while True:
            try:
                if draw > PROMISED:
                    await enqueue(self._redis, job)
                else:
                    await self._promise(job, rolls_back=draw < PROMISED * ROLLED_BACK)
            except Unavailable:
                self._ledger.tally["times a job was refused, and sent again"] += 1
                await asyncio.sleep(0.1)
            except ZeroDivisionError:
                self._ledger.rolled_back.add(name)
                return
            else:
                self._ledger.accepted[name] = (job, time.monotonic())
                return

    async def _promise(self, job: Job, *, rolls_back: bool) -> None:
        async with self._database.session() as session:
            await outbox.stage(session, job)
            if rolls_back:
                raise ZeroDivisionError

    async def _repeat(self, chore: Callable[[], Awaitable[None]], seconds: float) -> None:
        while True:
            with suppress(Unavailable):
                await chore()
            await asyncio.sleep(seconds)

    async def _relay(self) -> None:
        await outbox.relay(self._database, self._redis)

    async def _reconcile(self) -> None:
        settled_before = time.monotonic() - SETTLED_S
        for name in await self._lost():
            job, at = self._ledger.accepted[name]
            if at < settled_before and await enqueue(self._redis, job) is not None:
                self._ledger.tally["times the reconciler sent a job that Redis had lost"] += 1

    # The faults

    async def _harm(self) -> None:
        while self._is_sending:
            await asyncio.sleep(self._faults_drawn.uniform(0.5, 3.5))
            (fault,) = self._faults_drawn.choices(list(self._faults), list(self._faults.values()))
            self._ledger.tally[fault.__name__.strip("_").replace("_", " ")] += 1
            with suppress(Unavailable, psutil.NoSuchProcess, ProcessLookupError):
                await fault()

    def _worker(self) -> int:
        workers = self._crew.children(self._manager)
        if not workers:
            raise ProcessLookupError
        return self._faults_drawn.choice(workers)

    async def _kill_a_worker(self) -> None:
        self._crew.send(self._worker(), signal.SIGKILL)

    async def _stop_a_worker(self) -> None:
        self._crew.send(self._worker(), signal.SIGTERM)

    async def _freeze_a_worker(self) -> None:
        worker = self._worker()
        self._crew.send(worker, signal.SIGSTOP)
        await asyncio.sleep(self._faults_drawn.choice((0.5, 1.5)) * LEASE_S)
        self._crew.send(worker, signal.SIGCONT)

    async def _end_connections(self) -> None:
        async with self._database.session() as session:
            await session.execute(
                text("select pg_terminate_backend(pid) from pg_stat_activity where application_name like '%chaos'")
            )

    async def _delete_a_group(self) -> None:
        with suppress(ResponseError):
            await self._redis.xgroup_destroy(keys.stream(self._faults_drawn.choice(QUEUES)), keys.GROUP)

    async def _pause_a_queue(self) -> None:
        queue = self._faults_drawn.choice(QUEUES)
        await pause(self._redis, queue)
        await asyncio.sleep(2)
        await resume(self._redis, queue)

    async def _kill_valkey(self) -> None:
        assert self._valkey.process is not None
        self._valkey.process.kill()
        self._valkey.process.wait()
        await asyncio.sleep(self._faults_drawn.choice((0.0, 1.0, 1.5 * LEASE_S)))
        self._valkey.start()
        await self._back(self._valkey)

    async def _restart_postgres(self) -> None:
        self._postgres.stop()
        await asyncio.sleep(1)
        self._postgres.start()
        await self._back(self._postgres)

    async def _back(self, server: Server) -> None:
        while not server.is_ready():
            await asyncio.sleep(0.05)

    async def _empty_valkey(self) -> None:
        await self._redis.flushall()

    # The ledger

    async def _lost(self) -> Sequence[str]:
        """Accepted, without an effect, and not recorded as failed."""
        async with self._database.session() as session:
            failed = set(await session.scalars(select(FailedJob.job_key)))
        return [name for name in self._crew.lost(self._ledger.accepted) if f"soak:{name}" not in failed]

    def _resurrected(self) -> list[str]:
        """Rolled back, and run all the same."""
        run = {event["job"] for event in self._crew.events()}
        return sorted(self._ledger.rolled_back & run)

    async def _wrongly_held_to_kill(self) -> list[str]:
        """Recorded for having killed its workers, though some of them only were frozen or cut off."""
        async with self._database.session() as session:
            killers = await session.scalars(select(FailedJob.args).where(FailedJob.exception == "WorkerDied"))
        return [args[0] for args in killers if self._crew.dead_workers_of(args[0]) < DEATHS]

    async def _settle(self, within: float) -> bool:
        """Whether in the end every job has its outcome, and Redis and the outbox are empty."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            await asyncio.sleep(0.5)
            with suppress(Unavailable):
                now = dt.datetime.now(dt.UTC)
                left = sum(d.waiting + d.running + d.delayed for d in await depths(self._redis, now))
                async with self._database.session() as session:
                    left += (await session.execute(text("select count(*) from outbox"))).scalar_one()
                if not left and not await self._lost():
                    return True
        return False

    async def _report(self, seconds: float, lost: Sequence[str]) -> None:
        runs = self._crew.runs()
        async with self._database.session() as session:
            reasons = Counter(await session.scalars(select(FailedJob.reason)))
        effects = Counter(event["job"] for event in self._crew.events() if event["event"] == "end")
        rows: list[tuple[str, object]] = [
            ("jobs accepted", len(self._ledger.accepted)),
            ("  had their effect", len(effects)),
            *((f"  failed: {reason}", count) for reason, count in sorted(reasons.items())),
            ("jobs rolled back before they were sent", len(self._ledger.rolled_back)),
            ("runs", sum(map(len, runs.values()))),
            ("effects that happened again, one after the other", sum(effects.values()) - len(effects)),
            ("worker processes", len({event["pid"] for event in self._crew.events()})),
            ("slowest stop of a job by a worker that woke too late, s", round(self._crew.slowest_awakening(), 3)),
            *sorted(self._ledger.tally.items()),
            ("LOST", len(lost)),
            ("RUN TWICE AT ONCE", len(self._crew.overlaps())),
            ("RUN ALTHOUGH ROLLED BACK", len(self._resurrected())),
            ("HELD TO HAVE KILLED WORKERS THAT LIVE", len(await self._wrongly_held_to_kill())),
        ]
        say(f"seed {self._seed}, {self._jobs:,} jobs, {seconds:.0f} s")
        for what, count in rows:
            say(f"  {what:<60} {count:>8}")
        for name in lost[:10]:
            say(f"  lost: {name}")
        for pair in self._crew.overlaps()[:10]:
            say(f"  twice at once: {pair}, {', '.join(map(self._crew.fate, sorted({run.pid for run in pair})))}")


def say(line: str) -> None:
    sys.stdout.write(line + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=300.0, help="over which they are sent")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="the folder with logs and effects, also when all is well")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="signalist-soak-"))
    logs.configure(Settings(_env_file=None), (folder / "soak.log").open("w"))
    well = False
    try:
        well = asyncio.run(Soak(options.jobs, options.seconds, options.seed, folder).run())
    finally:
        if options.keep or not well:
            say(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())

"""`signalist scheduler`: decides what is due. Any number may run; one leads.

The lead is a lease in Redis. Should two lead for a moment, because Redis lost its data, nothing is done twice that
matters: jobs have unique keys, rows of the outbox are locked, and the history has a tick too many.
"""

import asyncio
import datetime as dt
import math
import os
import secrets
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

import structlog
from redis.asyncio import Redis
from structlog.contextvars import bind_contextvars

from core import snapshot
from core.accounts import throttle
from core.cancellation import is_cancelled
from core.config import Settings, settings
from core.db import Database
from core.errors import DatabaseUnavailable, RedisUnavailable, Unavailable
from core.failed_jobs.lost import reopen_lost
from core.operations import upkeep
from core.operations.detect import detect
from core.operations.kind import World
from core.queries import articles, failed_actions, failed_tidy, feeds, login_failures, samples, sessions
from core.queues import Job, SchedulerBeat, connect, crawl_feed, enqueue, generate_embeddings, generate_summary, outbox
from core.queues.beats import Lead, lead, resign
from core.queues.duties import Duty, DutyRun, known, tell
from core.queues.jobs import run_failed_jobs_action
from workers.broker import LEASE_S as JOB_LEASE_S
from workers.outage import Outage, answered_within

log = structlog.get_logger(__name__)

# A leader that died is replaced by one that stands by within this.
LEASE_S = 10.0
# What a crawl has just asked for is on its way: only what is older counts as missing.
SETTLED = dt.timedelta(seconds=60)
# As long as the longest chart.
SAMPLES_KEPT = dt.timedelta(days=2)
# What became of retried and discarded jobs can be looked up, and a discard taken back, for so long.
FAILURES_KEPT = dt.timedelta(days=30)
# As long as the longest chart of a cause.
FAILURE_HOURS_KEPT = dt.timedelta(days=8)
# The longest that a chore takes on a busy box; Postgres has ten seconds for each statement.
_PATIENCE_S = 60.0
# How soon a person's wish is heard.
_HEAR_S = 1.0
# Of each kind at a time: the queue then holds minutes of work, and not the whole backlog a second time.
_AT_ONCE = 500


@dataclass(frozen=True)
class Chore:
    """One of core.queues.duties, done by whoever leads. `sends`: it puts jobs into queues."""

    duty: Duty
    do: Callable[[], Awaitable[None]]
    sends: bool


class Scheduler:
    """One scheduler, leading or standing by."""

    def __init__(self, chosen: Settings, database: Database, redis: Redis, *, lease: float = LEASE_S) -> None:
        """`lease` in seconds: how long a leader that is silent still leads."""
        self._settings = chosen
        self._database = database
        self._redis = redis
        self._lease = lease
        self.name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(2)}"
        self._leads = asyncio.Event()
        self._led_at = float("-inf")
        self._quiet_until = float("-inf")
        self._redis_outage = Outage(log, "Redis")
        self._database_outage = Outage(log, "Postgres")
        self._chores = (
            Chore(known("promised"), self._send_promised, sends=True),
            Chore(known("feeds"), self._crawl_due, sends=True),
            Chore(known("actions"), self._continue_actions, sends=True),
            Chore(known("operations"), self._continue_operations, sends=True),
            Chore(known("missing"), self._reconcile, sends=True),
            Chore(known("propose"), self._propose, sends=False),
            Chore(known("lost"), self._find_lost, sends=True),
            Chore(known("measure"), self._measure, sends=True),
            Chore(known("sample"), self._sample, sends=False),
            Chore(known("forget"), self._forget, sends=False),
        )
        # What was done and is still to be told; what people have switched off, and what they want at once.
        self._runs: dict[str, DutyRun] = {}
        self._off: frozenset[str] = frozenset()
        self._wanted: set[str] = set()

    async def run(self) -> None:
        """Until it is cancelled; then the lead is free at once."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_leading())
                group.create_task(self._keep_telling())
                for chore in self._chores:
                    group.create_task(self._repeat(chore))
        finally:
            if self._leads.is_set():
                try:
                    await resign(self._redis, self.name)
                except RedisUnavailable:
                    log.info("the lead ends with its lease")

    async def _keep_leading(self) -> None:
        while not is_cancelled():
            beat = SchedulerBeat(self.name, os.getpid())
            try:
                self._follow(await lead(self._redis, beat, self._lease))
                self._redis_outage.over()
            except RedisUnavailable as error:
                # Who led goes on with what needs no Redis, such as the history.
                self._redis_outage.failed(error)
            if not is_cancelled():
                await asyncio.sleep(self._lease / 5)

    def _follow(self, answer: Lead) -> None:
        now = time.monotonic()
        match answer:
            case Lead.OTHER:
                self._leads.clear()
                return
            case Lead.TAKEN if now - self._led_at < self._lease:
                # It was ours and is gone before its time: Redis has lost its data. Workers hold on to the keys of what
                # they run with their next beats; until then it would be sent, and run, a second time.
                log.warning("Redis has lost its data: nothing is sent until the workers have found their jobs again")
                self._quiet_until = now + JOB_LEASE_S
            case Lead.TAKEN:
                log.info("this scheduler leads")
        self._led_at = now
        self._leads.set()

    async def _keep_telling(self) -> None:
        """What was done is told, and what people want of the duties is heard."""
        while not is_cancelled():
            await self._leads.wait()
            told, self._runs = self._runs, {}
            try:
                wishes = await tell(self._redis, told)
            except RedisUnavailable as error:
                self._runs = told | self._runs
                self._redis_outage.failed(error)
            else:
                self._off = wishes.off
                self._wanted |= wishes.now
            if not is_cancelled():
                await asyncio.sleep(_HEAR_S)

    async def _repeat(self, chore: Chore) -> None:
        name = chore.duty.name
        bind_contextvars(duty=name)
        while not is_cancelled():
            await self._leads.wait()
            pause = chore.duty.every_s
            is_on = name in self._wanted or name not in self._off
            self._wanted.discard(name)
            if is_on and not (chore.sends and time.monotonic() < self._quiet_until):
                pause = max(await self._try(chore), pause)
            await self._rest(name, pause)

    async def _rest(self, name: str, seconds: float) -> None:
        """Until it is time again, or somebody wants it."""
        steps = math.ceil(seconds / _HEAR_S)
        for _ in range(steps):
            if name in self._wanted or is_cancelled():
                return
            await asyncio.sleep(seconds / steps)

    async def _try(self, chore: Chore) -> float:
        """Returns for how long to leave the server alone that did not answer."""
        at, started = dt.datetime.now(dt.UTC), time.monotonic()
        pause, problem = 0.0, None
        try:
            async with answered_within(_PATIENCE_S):
                await chore.do()
        except RedisUnavailable as error:
            pause, problem = self._redis_outage.failed(error), str(error)
        except DatabaseUnavailable as error:
            pause, problem = self._database_outage.failed(error), str(error)
        except Unavailable as error:
            problem = str(error)
            log.warning("a chore was not done", chore=chore.duty.name, reason=problem)
        except Exception:
            # The others, and this one the next time, must not end for it.
            problem = "A mistake of ours: the log of the scheduler says which."
            log.exception("a chore failed", chore=chore.duty.name)
        else:
            self._database_outage.over()
        self._runs[chore.duty.name] = DutyRun(at, round(time.monotonic() - started, 3), problem)
        return pause

    async def _send_promised(self) -> None:
        while await outbox.relay(self._database, self._redis):
            pass

    async def _crawl_due(self) -> None:
        now = dt.datetime.now(dt.UTC)
        async with self._database.session() as session:
            due = await feeds.due(session, now, _AT_ONCE)
        await self._send(crawl_feed(feed_id) for feed_id in due)

    async def _continue_actions(self) -> None:
        """What is done to many failed jobs goes on, whatever became of the process that was at it."""
        async with self._database.session() as session:
            actions = await failed_actions.unfinished(session)
        await self._send(run_failed_jobs_action(action) for action in actions)

    async def _continue_operations(self) -> None:
        """What was approved is run, and what a worker left when it died is taken over."""
        await self._send(await upkeep.jobs_to_send(self._database))

    async def _propose(self) -> None:
        """What the infrastructure needs is planned, for a person to approve."""
        await upkeep.expire(self._database)
        await detect(World(self._settings, self._database, self._redis))

    async def _measure(self) -> None:
        if job := await upkeep.measurement_due(self._database):
            await self._send([job])

    async def _find_lost(self) -> None:
        if found := await reopen_lost(self._database, self._redis, dt.datetime.now(dt.UTC)):
            log.warning("retried jobs of which nothing is known came back to the list", jobs=found)

    async def _reconcile(self) -> None:
        """What has no embeddings or summary by the active models, and is not on its way, is sent (again)."""
        settled_before = dt.datetime.now(dt.UTC) - SETTLED
        embeds, summarises = self._settings.active_embedding_model, self._settings.active_summary_model
        async with self._database.session() as session:
            to_embed = await articles.to_embed(session, embeds, settled_before, _AT_ONCE)
            to_summarise = await articles.to_summarise(session, summarises, settled_before, _AT_ONCE)
        await self._send(generate_embeddings(article_id) for article_id in to_embed)
        await self._send(generate_summary(article_id) for article_id in to_summarise)

    async def _send(self, jobs: Iterable[Job]) -> None:
        sent = [await enqueue(self._redis, job) for job in jobs]
        if fresh := len(sent) - sent.count(None):
            log.info("sent what was due or missing", jobs=fresh)

    async def _sample(self) -> None:
        await snapshot.take_sample(self._database, self._redis, dt.datetime.now(dt.UTC))

    async def _forget(self) -> None:
        now = dt.datetime.now(dt.UTC)
        async with self._database.session() as session:
            await samples.prune(session, now - SAMPLES_KEPT)
            await sessions.forget_expired(session, now)
            await login_failures.forget_old(session, now - throttle.FORGOTTEN)
        async with self._database.session() as session:
            await failed_tidy.forget(session, jobs_before=now - FAILURES_KEPT, hours_before=now - FAILURE_HOURS_KEPT)


def run() -> None:
    """Runs a scheduler until SIGTERM or SIGINT. Raises Unavailable or Misconfigured if it has nothing to connect to."""
    asyncio.run(_run(settings()))


async def _run(chosen: Settings) -> None:
    database = Database(chosen.database(), application="scheduler", statement_timeout=10.0)
    redis = connect(chosen.redis())
    scheduler = asyncio.create_task(Scheduler(chosen, database, redis).run())
    for wanted in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(wanted, scheduler.cancel)
    try:
        await scheduler
    except asyncio.CancelledError:
        log.info("the scheduler stops")
    finally:
        await redis.aclose()
        await database.close()

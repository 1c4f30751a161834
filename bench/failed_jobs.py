"""The failed-jobs desk: retrying 100,000 jobs beside raw pipelined XADD, every filter at 1,000,000 beside
taskiq-dashboard with the same rows, and what it costs a hundred workers to fail at once for one cause."""

import asyncio
import dataclasses
import datetime as dt
import shutil
import tempfile
import time
import urllib.parse
import urllib.request
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

import psycopg
from playwright.async_api import Page, async_playwright
from redis.asyncio import Redis

from bench.ground import dashboard, free_port, percentile, running, servers, table, wait_for
from core import first_start
from core.access import on_this_machine
from core.db import Database
from core.failed_jobs import Attempt, Failure
from core.failed_jobs.filter import Filter
from core.failed_jobs.retry import retry
from core.failed_jobs.run import run
from core.failed_jobs.view import Seen, view
from core.queries import failed_jobs, failed_list, failed_summary
from core.queues import Job, connect, outbox
from core.queues.jobs import encode, new_task_id

RETRIED, STORED, LOOKS, PAINTS = 100_000, 1_000_000, 40, 8
# What takes seconds is looked at less often.
PATIENCE_S, ENOUGH = 20.0, 8
WORKERS, FAILURES = 100, 20
ROOT = on_this_machine("bench")

# Nine of ten have one cause; four attempts with their tracebacks, as an embedding that is rate-limited leaves them.
FILL = """
    insert into failed_jobs (task_id, job_key, task, queue, args, kwargs, labels, attempts, exception, message,
                             fingerprint, reason, duration_s, first_failed_at, last_failed_at)
    select md5(n::text), kind.task || ':' || id, kind.task, kind.queue, jsonb_build_array(id::text), '{}',
           jsonb_build_object('job_key', kind.task || ':' || id), story, kind.exception,
           replace(kind.message, '#', n::text), kind.cause, 'gave up after 4 attempts', 0.4, at, at
      from (select n, gen_random_uuid() as id, n %% 1000 as dice,
                   now() - make_interval(secs => (%(number)s - n) * (14 * 86400.0 / %(number)s)) as at
              from generate_series(1, %(number)s) n) as jobs
      join (values (0, 899, 'generate_embeddings', 'embed', 'openai.RateLimitError', '429 for request #', 'common'),
                   (900, 989, 'crawl_feed', 'crawl', 'TimeoutError', 'no answer from host #', 'other'),
                   (990, 999, 'generate_summary', 'summarise', 'openai.BadRequestError', '# tokens', 'rare')
           ) as kind (low, high, task, queue, exception, message, cause) on dice between low and high
      cross join (select jsonb_agg(jsonb_build_object('at', now(), 'worker', 'box:1', 'duration_s', 0.4, 'exception',
                         'E', 'message', 'm', 'frame', 'core/a.py:f', 'traceback', repeat('  core/a.py:88 in f ', 60)))
                         as story from generate_series(1, 4)) as stories
"""


def fill(url: str, number: int) -> float:
    """Empties the table and stores so many; returns the seconds that it took."""
    started = time.perf_counter()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("truncate failed_jobs")
        connection.execute(FILL, {"number": number})
        connection.execute("vacuum analyze failed_jobs")
        connection.execute("vacuum analyze failure_tallies")
    return time.perf_counter() - started


async def retry_all(database: Database, redis: Redis) -> float:
    """Seconds from the click until Redis has every job."""
    started = time.perf_counter()
    begun = await retry(database, redis, ROOT, "cli", Filter(), now=dt.datetime.now(dt.UTC), canary=0)
    while not await run(database, redis, begun.action.id, patience=600):
        pass
    await outbox.relay(database, redis)
    return time.perf_counter() - started


async def add_raw(redis: Redis) -> float:
    """Seconds to put as many messages of the same kind into a stream, with nothing remembered and nothing promised."""
    started = time.perf_counter()
    for _ in range(RETRIED // 500):
        async with redis.pipeline(transaction=False) as pipe:
            for _ in range(500):
                job = Job("generate_embeddings", (str(uuid.uuid4()),), "embed", f"generate_embeddings:{uuid.uuid4()}")
                pipe.xadd("raw", {"data": encode(job, new_task_id())})
            await pipe.execute()
    return time.perf_counter() - started


async def fail_at_once(database: Database) -> float:
    """Seconds for WORKERS that each record FAILURES failures of one cause, all at the same time."""
    at = dt.datetime.now(dt.UTC)
    attempt = Attempt(at, "box:1", 0.4, "E", "m", "core/a.py:f", "  core/a.py:88 in f " * 60)
    failure = Failure(
        "t", "k", "crawl_feed", "crawl", [], {}, {}, [attempt] * 4, "E", "m", "one", "gave up after 4 attempts", 1, at
    )

    async def worker() -> None:
        for _ in range(FAILURES):
            async with database.session() as session:
                await failed_jobs.record(session, dataclasses.replace(failure, key=new_task_id()))

    started = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(WORKERS)))
    return time.perf_counter() - started


async def look(ask: Callable[[], Awaitable[object]]) -> list[float]:
    """Milliseconds of each of LOOKS readings, or of as many as there is time for."""
    took: list[float] = []
    deadline = time.perf_counter() + PATIENCE_S
    while len(took) < LOOKS and (len(took) < ENOUGH or time.perf_counter() < deadline):
        started = time.perf_counter()
        await ask()
        took.append((time.perf_counter() - started) * 1000)
    return took


async def looks(database: Database) -> None:
    now = dt.datetime.now(dt.UTC)
    day = now - dt.timedelta(hours=24)
    async with database.session() as session:
        deep = (await failed_list.page(session, Filter(cause="rare"), limit=500)).next
    assert deep is not None
    filters = {
        "everything": Filter(),
        "one task": Filter(task="crawl_feed"),
        "one queue": Filter(queue="summarise"),
        "the most common cause": Filter(cause="common"),
        "a rare cause": Filter(cause="rare"),
        "the last 24 hours": Filter(since=day),
        "a task in the last 24 hours": Filter(task="crawl_feed", since=day),
        "a text that many say": Filter(text="429"),
        "a text that nobody says": Filter(text="zebra"),
        "a task and a cause without a job": Filter(task="crawl_feed", cause="common"),
    }
    rows: list[list[object]] = [["The whole page: rows, count, causes, chart", "p50 ms", "p95 ms"]]
    for name, chosen in filters.items():
        took = await look(lambda c=chosen: view(database, c, after=None, limit=50, seen=Seen(), now=now))
        rows.append([name, f"{percentile(took, 0.5):.1f}", f"{percentile(took, 0.95):.1f}"])
    took = await look(lambda: view(database, Filter(), after=deep, limit=50, seen=Seen(), now=now))
    rows.append(["a page far back", f"{percentile(took, 0.5):.1f}", f"{percentile(took, 0.95):.1f}"])

    async def summary() -> None:
        async with database.session() as session:
            await failed_summary.read(session)

    took = await look(summary)
    rows.append(["what every screen polls", f"{percentile(took, 0.5):.1f}", f"{percentile(took, 0.95):.1f}"])
    table(f"{STORED:,} failed jobs, {LOOKS} readings each", rows)


async def paints(name: str, address: str, shows: str, password: str = "") -> None:
    """First paint of a page, until it shows `shows`, in a Chromium that has its scripts already."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        print("\nNo Chromium here: first paint is not measured.")
        return
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = await browser.new_page()
        if password:
            await log_in(page, urllib.parse.urljoin(address, "/login"), password)
        answered, painted = [], []
        for _ in range(PAINTS):
            await page.goto(address)
            await page.locator(shows).first.wait_for()
            # A busy browser notes what it painted a moment later.
            await page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length > 0")
            told = await page.evaluate(
                "[performance.getEntriesByType('navigation')[0].responseEnd,"
                " performance.getEntriesByName('first-contentful-paint')[0].startTime]"
            )
            answered.append(told[0])
            painted.append(told[1])
        await browser.close()
    table(
        f"{name} with {STORED:,} failed jobs in Chromium, {PAINTS} loads",
        [
            ["", "p50 ms", "worst ms"],
            ["answered", f"{percentile(answered, 0.5):.0f}", f"{max(answered):.0f}"],
            ["first paint", f"{percentile(painted, 0.5):.0f}", f"{max(painted):.0f}"],
        ],
    )


async def log_in(page: Page, address: str, password: str) -> None:
    await page.goto(address)
    await page.get_by_label("Name").fill("admin")
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Log in").click()
    await page.wait_for_url(lambda url: "/login" not in url)


# The same million, as its middleware would have stored them.
THEIRS = """
    insert into taskiq_dashboard__tasks (id, name, status, worker, args, kwargs, labels, error, queued_at, started_at,
                                         finished_at)
    select gen_random_uuid(), task, 2, 'box:1', args, kwargs, labels, attempts -> 3 ->> 'traceback', last_failed_at,
           last_failed_at, last_failed_at
      from failed_jobs
"""


async def their_looks(environment: dict[str, str]) -> None:
    """taskiq-dashboard: one table without indexes, no causes, no counts; its page by page goes by offset."""
    port = free_port()
    address = f"http://127.0.0.1:{port}/?"
    with running(["bench/taskiq_dashboard_server.py"], {**environment, "PORT": str(port)}):
        await asyncio.to_thread(wait_for, address)
        with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
            connection.execute(THEIRS)
            connection.execute("vacuum analyze taskiq_dashboard__tasks")
        day = (dt.datetime.now(dt.UTC) - dt.timedelta(hours=24)).isoformat()
        filters = {
            "everything that failed": {"status": 2},
            "one task": {"status": 2, "q": "crawl_feed"},
            "the last 24 hours": {"status": 2, "start_date": day},
            "a task in the last 24 hours": {"status": 2, "q": "crawl_feed", "start_date": day},
            "a text that nobody says (in names and ids; it does not search messages)": {"status": 2, "q": "zebra"},
            "a page far back": {"status": 2, "offset": STORED - 500},
        }
        rows: list[list[object]] = [["A list of 50 over HTTP, nothing else on it", "p50 ms", "p95 ms"]]
        for name, chosen in filters.items():
            url = address + urllib.parse.urlencode({"limit": 50, **chosen})
            took = await look(lambda url=url: asyncio.to_thread(lambda: urllib.request.urlopen(url).read()))
            rows.append([name, f"{percentile(took, 0.5):.1f}", f"{percentile(took, 0.95):.1f}"])
        table(f"taskiq-dashboard with the same {STORED:,} in the same Postgres, up to {LOOKS} readings each", rows)
        await paints("taskiq-dashboard's list", address + "status=2&limit=50", "text=generate_embeddings")


async def measure(environment: dict[str, str]) -> None:
    url = environment["DATABASE_URL"]
    database = Database(url, application="bench", statement_timeout=600, pool_size=WORKERS // 4)
    redis = connect(environment["REDIS_URL"])
    rows = [["", "failures/s"]]
    # The first round warms up the pool.
    for name, verb in (
        ("", "enable"),
        ("without counts", "disable"),
        ("with counts per cause, task and hour", "enable"),
    ):
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"alter table failed_jobs {verb} trigger user")
        took = await fail_at_once(database)
        if name:
            rows.append([name, f"{WORKERS * FAILURES / took:,.0f}"])
    table(f"{WORKERS} workers fail at once for one cause, {WORKERS * FAILURES:,} times in all", rows)
    await asyncio.to_thread(fill, url, RETRIED)
    ours, raw = await retry_all(database, redis), await add_raw(redis)
    table(
        f"Retry all of {RETRIED:,} failed jobs",
        [
            ["", "seconds", "jobs/s"],
            ["Signalist: each once, recorded, resumable", f"{ours:.1f}", f"{RETRIED / ours:,.0f}"],
            ["raw pipelined XADD: nothing of that", f"{raw:.1f}", f"{RETRIED / raw:,.0f}"],
        ],
    )
    await redis.flushall()
    seconds = await asyncio.to_thread(fill, url, STORED)
    print(f"\nStoring {STORED:,} failed jobs in one statement, counts included, took {seconds:.0f} s.")
    await looks(database)
    password = await asyncio.to_thread(first_start.first_password, url)
    with dashboard(environment) as (_, address):
        await paints("/failed", f"{address}/failed", "table.failures", password or "")
    await their_looks(environment)
    await redis.aclose()
    await database.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, servers(Path(folder)) as environment:
        asyncio.run(measure(environment))


if __name__ == "__main__":
    main()

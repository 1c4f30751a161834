"""A bulk retry survives whoever does it: each job is sent once, whoever is killed when."""

import asyncio
import datetime as dt
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from redis.asyncio import Redis

from core.access import Role, on_this_machine
from core.accounts import tokens
from core.db import Database
from core.failed_jobs.run import run
from core.queries import failed_actions
from core.queues import connect, outbox
from workers.tasks.failed_jobs import run_failed_jobs_action

pytestmark = pytest.mark.chaos

JOBS = 2_000
RUNNER = Path(__file__).with_name("bulk_runner.py")
FAIL = """
    insert into failed_jobs (task_id, job_key, task, queue, args, kwargs, labels, attempts, exception, message,
                             fingerprint, reason, last_failed_at)
    select 't' || n, 'generate_embeddings:' || n, 'generate_embeddings', 'embed', jsonb_build_array(n::text), '{}',
           '{}', '[]', 'E', 'm', 'f', 'r', now() - n * interval '1 s' from generate_series(1, %s) n
"""


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
def failures(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(FAIL, (JOBS,))


async def taken(database: Database, action: uuid.UUID) -> int:
    async with database.session() as session:
        return (await failed_actions.get(session, action)).taken


async def sent(redis: Redis) -> list[str]:
    return [json.loads(fields[b"data"])["args"][0] for _, fields in await redis.xrange("signalist:{embed}:stream")]


def start(*command: str, **settings: str) -> subprocess.Popen[bytes]:
    # NiceGUI's plugin for pytest would have a dashboard believe that it is under test itself.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("NICEGUI_", "PYTEST_"))}
    environment = {**inherited, **settings}
    return subprocess.Popen(
        [sys.executable, *command], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


async def begun_by_a_dashboard_that_is_killed(database: Database, database_url: str, redis_url: str) -> uuid.UUID:
    """Asks a real dashboard to retry everything, and kills it as soon as it has answered."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = start(
        "-P", "-m", "dashboard.cli", "dashboard", DATABASE_URL=database_url, REDIS_URL=redis_url, PORT=str(port)
    )
    try:
        url = f"http://127.0.0.1:{port}"
        token = await tokens.create(database, on_this_machine("root"), "cli", name="p", role=Role.OPERATOR, now=_now())
        answer = await asyncio.to_thread(_ask, url, token.secret)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    return uuid.UUID(answer["action"]["id"])


def _ask(url: str, token: str) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while True:
        request = urllib.request.Request(
            f"{url}/api/v1/failed-jobs/retry",
            json.dumps({"everything": True, "canary": 0}).encode(),
            {"authorization": f"Bearer {token}", "content-type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


async def test_a_dashboard_and_five_workers_are_killed_in_the_middle_of_a_bulk_retry(
    database: Database, database_url: str, redis_url: str, redis: Redis, failures: None
) -> None:
    action = await begun_by_a_dashboard_that_is_killed(database, database_url, redis_url)
    # It had promised that somebody goes on with it.
    await outbox.relay(database, redis)
    (_, fields), *_ = await redis.xrange("signalist:{ops}:stream")
    assert json.loads(fields[b"data"])["task_name"] == run_failed_jobs_action.task_name
    for _ in range(5):
        before = await taken(database, action)
        runner = start(str(RUNNER), database_url, redis_url, str(action))
        deadline = time.monotonic() + 60
        while await taken(database, action) < min(before + 100, JOBS):
            assert time.monotonic() < deadline, "the runner takes nothing"
            await asyncio.sleep(0.01)
        runner.kill()
        runner.wait()
    assert 500 <= await taken(database, action) < JOBS
    assert await run(database, redis, action, patience=60)
    await outbox.relay(database, redis)
    arrived = await sent(redis)
    assert sorted(arrived, key=int) == [str(n) for n in range(1, JOBS + 1)]
    with psycopg.connect(database_url) as connection:
        states = connection.execute("select state, count(*) from failed_jobs group by state").fetchall()
    assert states == [("retried", JOBS)]
    assert await taken(database, action) == JOBS

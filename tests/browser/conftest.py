"""The real dashboard in a process of its own, and a real Chromium in front of it."""

import asyncio
import datetime as dt
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from core import queues
from core.access import Role, on_this_machine
from core.accounts import people
from core.config import Settings
from core.db import Database
from core.operations import planning
from core.operations.kind import World
from dashboard.main import PAGES

# A page hears of a change with the next poll, and rests between two readings; and a machine may be slow.
PATIENCE_MS = 30_000
expect.set_options(timeout=PATIENCE_MS)
PASSWORD = "correct horse battery staple"
ROOT = on_this_machine("root")
# No request leaves the machine: what the browser itself would load stays off.
QUIET = (
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass(frozen=True)
class Dashboard:
    """A running dashboard and the database that it works on."""

    url: str
    database: Database
    log: Path = field(repr=False)

    async def person(self, name: str, role: Role) -> None:
        """An account with PASSWORD."""
        await people.add(self.database, ROOT, "cli", name=name, role=role, password=PASSWORD)

    async def reads_again(self) -> None:
        """Waits for a snapshot that is newer than this call: a dashboard that is shared may show the last test's."""
        since = dt.datetime.now(dt.UTC)
        async with httpx.AsyncClient(base_url=self.url) as http, asyncio.timeout(30):
            while dt.datetime.fromisoformat((await http.get("/health")).json()["timestamp"]) <= since:
                await asyncio.sleep(0.05)

    async def log_in(self, window: BrowserContext, name: str, *, to: str = "/") -> Page:
        """A page of `to`, reached through the login form."""
        page = await window.new_page()
        await page.goto(to)
        await page.get_by_label("Name").fill(name)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Log in").click()
        await page.wait_for_url(lambda url: "/login" not in url)
        return page


@dataclass
class Shared:
    """The dashboard that tests use one after the other, and the generation of the database that it works on."""

    stack: ExitStack
    process: tuple[str, Path] = ("", Path())
    generation: int = 0


StartDashboard = Callable[..., AbstractContextManager[tuple[str, Path]]]


async def shown(page: Page) -> None:
    """Waits until the page is live and shows what it reads, also where that is tried again."""
    await expect(page.locator("#live[data-at]")).to_be_attached()
    await expect(page.locator(".bone").or_(page.get_by_text("It is tried again by itself"))).to_have_count(0)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture(scope="session")
def start_dashboard() -> StartDashboard:
    """`with start_dashboard(folder, DATABASE_URL=…, REDIS_URL=…) as (url, log)` runs one in a process of its own."""
    return _running


@pytest.fixture(scope="session")
def shared() -> Iterator[Shared]:
    with ExitStack() as stack:
        yield Shared(stack)


@pytest.fixture
def dashboard_process(
    shared: Shared, slate: Any, app_url: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    """Its address and its log. It serves one test after the other, as long as the database stays the same one."""
    if shared.generation != slate.generation:
        shared.stack.close()
        folder = tmp_path_factory.mktemp("dashboard")
        started = _running(folder, DATABASE_URL=app_url, REDIS_URL=redis_url)
        shared.process, shared.generation = shared.stack.enter_context(started), slate.generation
    return shared.process


@pytest.fixture
def dashboard(dashboard_process: tuple[str, Path], database: Database) -> Dashboard:
    url, log = dashboard_process
    return Dashboard(url, database, log)


@pytest.fixture
async def addresses(database: Database, redis_url: str) -> tuple[str, ...]:
    """Where every page is that there is; a page of one thing has one to show."""
    with psycopg.connect(database.url) as connection:
        connection.execute("insert into feeds (url, title) values ('https://example.org/', 'A feed')")
        (article,) = connection.execute(
            "insert into articles (feed_id, guid, content_hash) select id, '1', '' from feeds returning id"
        ).fetchone()
        connection.execute(
            "insert into article_embeddings (article_id, chunk_index, content, embedding, model)"
            " values (%s, 0, '', array_fill(0.1, array[1536])::vector, 'wordllama-256')",
            [article],
        )
    redis = queues.connect(redis_url)
    operation = await planning.plan(World(Settings(), database, redis), ROOT, "cli", "rebuild index", {})
    await redis.aclose()
    return tuple(path.format(article_id=article, operation_id=operation.id) for path in PAGES)


@pytest.fixture
async def browser(chromium: Path) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=QUIET)
        yield browser
        await browser.close()


@pytest.fixture
async def window(browser: Browser, dashboard: Dashboard) -> AsyncIterator[BrowserContext]:
    """A browser profile of its own, on the dashboard."""
    context = await browser.new_context(base_url=dashboard.url)
    context.set_default_timeout(PATIENCE_MS)
    yield context
    await context.close()


@contextmanager
def _running(folder: Path, **environment: str) -> Iterator[tuple[str, Path]]:
    port, log = free_port(), folder / "dashboard.log"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("NICEGUI_", "PYTEST_"))}
    own = {"PORT": str(port), "SIGNALIST_DATA_DIR": str(folder / "var")}
    with log.open("w") as sink:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "dashboard.cli", "dashboard"],
            env=inherited | own | environment,
            stdout=sink,
            stderr=sink,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_it_lives(url, process, log)
            yield url, log
        finally:
            process.terminate()
            process.wait(20)


def _wait_until_it_lives(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"{url}/health/live", timeout=1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"The dashboard did not start:\n{log.read_text()}")
            time.sleep(0.05)
        else:
            return

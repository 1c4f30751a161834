"""Postgres or Redis falls silent, or is gone, under an open dashboard: it says so, and goes on when they are back."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from playwright.async_api import BrowserContext, expect
from psycopg.conninfo import conninfo_to_dict

from core.access import Role

# The deadline of /health is a second; the rest is the machine's.
ANSWERS_WITHIN_S = 2.0


class Road:
    """A TCP port in front of a server's socket, which can be made silent (takes all, says nothing) or closed."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._open = threading.Event()
        self._open.set()
        self._refusing = False
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        server = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._join, "127.0.0.1", 0), self._loop)
        self._server = server.result(5)
        self.port: int = self._server.sockets[0].getsockname()[1]

    def fall_silent(self) -> None:
        self._open.clear()

    def refuse(self) -> None:
        """Every connection breaks, and every new one does at once."""
        self._refusing = True
        self._loop.call_soon_threadsafe(lambda: [writer.transport.abort() for writer in self._writers])

    def recover(self) -> None:
        self._refusing = False
        self._open.set()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusing:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_unix_connection(self._target)
        self._writers |= {writer, far_writer}
        await asyncio.gather(self._carry(reader, far_writer), self._carry(far_reader, writer))
        self._writers -= {writer, far_writer}

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                while not self._open.is_set():
                    await asyncio.sleep(0.02)
                writer.write(data)
                await writer.drain()
        writer.close()


@pytest.fixture
def postgres_road(postgres: object, database_url: str) -> Iterator[Road]:
    found = conninfo_to_dict(database_url)
    road = Road(f"{found['host']}/.s.PGSQL.{found.get('port') or 5432}")
    yield road
    road.recover()
    road.close()


@pytest.fixture
def redis_road(redis_url: str) -> Iterator[Road]:
    parts = urlsplit(redis_url)
    assert parts.scheme == "unix", f"unexpected address {redis_url}, {parse_qs(parts.query)}"
    road = Road(parts.path)
    yield road
    road.recover()
    road.close()


@pytest.fixture
def dashboard_process(
    start_dashboard: Any, database_url: str, postgres_road: Road, redis_road: Road, tmp_path: Path
) -> Iterator[tuple[str, Path]]:
    """A dashboard of the test's own, at the far end of the roads."""
    found = conninfo_to_dict(database_url)
    with start_dashboard(
        tmp_path,
        DATABASE_URL=f"postgresql://{found['user']}@127.0.0.1:{postgres_road.port}/{found['dbname']}",
        REDIS_URL=f"redis://127.0.0.1:{redis_road.port}/0",
    ) as process:
        yield process


async def health(url: str, path: str = "/health") -> tuple[int, dict[str, str]]:
    """The status code and the status of each check. Fails when the answer is late."""
    started = time.monotonic()
    async with aiohttp.ClientSession() as http, http.get(url + path) as answer:
        body = await answer.json()
        assert time.monotonic() - started < ANSWERS_WITHIN_S
        return answer.status, {name: check["status"] for name, check in body.get("checks", {}).items()}


async def until(url: str, check: str, status: str, seconds: float = 30) -> int:
    """Asks /health until `check` has `status`; returns the last status code."""
    deadline = time.monotonic() + seconds
    while True:
        code, checks = await health(url)
        if checks.get(check) == status:
            return code
        assert time.monotonic() < deadline, f"{check} is {checks.get(check)}, not {status}"
        await asyncio.sleep(0.1)


TROUBLES: dict[str, Callable[[Road], None]] = {"silent": Road.fall_silent, "gone": Road.refuse}


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("server", ["database", "redis"])
async def test_health_tells_of_a_lost_server_in_time_and_of_its_return(
    dashboard_process: tuple[str, Path], postgres_road: Road, redis_road: Road, server: str, trouble: str
) -> None:
    url, _ = dashboard_process
    road = postgres_road if server == "database" else redis_road
    await until(url, server, "healthy")
    TROUBLES[trouble](road)
    assert await until(url, server, "unhealthy") == 503
    assert (await health(url, "/health/live"))[0] == 200
    road.recover()
    await until(url, server, "healthy")


async def test_an_open_page_stays_says_what_is_unknown_and_recovers_by_itself(
    dashboard: Any, window: BrowserContext, postgres_road: Road
) -> None:
    await dashboard.person("ada", Role.OPERATOR)
    page = await dashboard.log_in(window, "ada")
    tile = page.get_by_role("group", name="Postgres")
    await expect(tile).to_contain_text("up")
    postgres_road.fall_silent()
    await expect(tile).to_contain_text("down", timeout=15_000)
    await expect(page.get_by_text("What Postgres would tell is unknown since")).to_be_visible()
    await expect(page.locator("#live")).to_contain_text("live")
    postgres_road.recover()
    await expect(tile).to_contain_text("up", timeout=30_000)
    await expect(page.get_by_role("group", name="Schema")).to_contain_text("current", timeout=30_000)

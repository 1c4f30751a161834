"""What one and fifty open Overview pages cost the dashboard: CPU, bytes and memory.

Each viewer is a socket that speaks NiceGUI's protocol as a browser does; fifty browsers would only measure themselves.
"""

import ast
import asyncio
import json
import re
import tempfile
import time
from pathlib import Path
from uuid import uuid4

import socketio
from aiohttp import ClientSession, CookieJar

from bench.ground import Process, dashboard, servers, table
from core import first_start

VIEWERS = (1, 50)
SECONDS = 30.0


async def log_in(http: ClientSession, address: str, password: str) -> None:
    """Raises RuntimeError when the login is refused."""
    async with http.get(f"{address}/login") as page:
        csrf = re.search(r'name="csrf" value="([^"]+)"', await page.text())
    form = {"csrf": csrf[1] if csrf else "", "name": "admin", "password": password, "next": "/"}
    async with http.post(f"{address}/login", data=form, headers={"Origin": address}, allow_redirects=False) as answer:
        if answer.status != 303:
            raise RuntimeError(f"The login was answered with {answer.status}.")


class Viewer:
    """One open page."""

    def __init__(self, http: ClientSession, address: str) -> None:
        self._http, self._address = http, address
        self._socket = socketio.AsyncClient(reconnection=False)
        self._socket.on("update", self._count)
        self.page_bytes = 0
        self.bytes = 0

    async def open(self) -> None:
        async with self._http.get(self._address) as answer:
            page = await answer.text()
        self.page_bytes = len(page)
        found = re.search(r"query: (\{.*?\}),?\n", page)
        query = (
            ast.literal_eval(found[1].replace("true", "True").replace("false", "False"))
            | {"document_id": str(uuid4()), "tab_id": str(uuid4())}
            if found
            else {}
        )
        words = "&".join(
            f"{name}={str(value).lower() if isinstance(value, bool) else value}" for name, value in query.items()
        )
        cookies = "; ".join(f"{c.key}={c.value}" for c in self._http.cookie_jar)
        await self._socket.connect(
            f"{self._address}?{words}",
            socketio_path="/_nicegui_ws/socket.io",
            transports=["websocket"],
            headers={"Cookie": cookies, "Origin": self._address},
        )

    async def close(self) -> None:
        await self._socket.disconnect()

    def _count(self, update: object) -> None:
        self.bytes += len(json.dumps(update))


async def watch(address: str, password: str, count: int, process: Process) -> tuple[float, float, float, float]:
    """Opens `count` pages for SECONDS. Returns bytes a page, bytes a second a viewer, CPU share, peak bytes."""
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as http:
        await log_in(http, address, password)
        viewers = [Viewer(http, address) for _ in range(count)]
        for viewer in viewers:
            await viewer.open()
        await asyncio.sleep(3)
        before = sum(v.bytes for v in viewers)
        process.mark()
        started = time.perf_counter()
        await asyncio.sleep(SECONDS)
        elapsed = time.perf_counter() - started
        cost = process.cost()
        sent = sum(v.bytes for v in viewers) - before
        for viewer in viewers:
            await viewer.close()
    if not sent:
        raise RuntimeError("No page received anything: the protocol has changed.")
    return viewers[0].page_bytes, sent / elapsed / count, cost.cpu_s / elapsed, cost.peak_bytes


def main() -> None:
    rows: list[tuple[object, ...]] = [
        ("open pages", "page kB", "bytes/s a viewer", "CPU of one core", "peak memory MB")
    ]
    shares = []
    with tempfile.TemporaryDirectory() as folder, servers(Path(folder)) as environment:
        password = first_start.first_password(environment["DATABASE_URL"]) or ""
        with dashboard(environment) as (process, address):
            process.mark()
            time.sleep(10)
            idle = process.cost()
            rows.append((0, "", "", f"{idle.cpu_s / 10:.1%}", f"{idle.peak_bytes / 2**20:.0f}"))
            for count in VIEWERS:
                page, rate, share, peak = asyncio.run(watch(address, password, count, process))
                shares.append(share)
                rows.append((count, f"{page / 1024:.0f}", f"{rate:,.0f}", f"{share:.1%}", f"{peak / 2**20:.0f}"))
    table(f"Overview open for {SECONDS:.0f} s (a snapshot every 2 s)", rows)
    print(f"  50 viewers cost {shares[1] / shares[0]:.1f} times the CPU of one")


if __name__ == "__main__":
    main()

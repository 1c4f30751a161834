"""`/health` beside a bare FastAPI route: what the verdict costs, since the poller has it ready."""

import asyncio
import tempfile
import time
from pathlib import Path

from aiohttp import ClientSession

from bench.ground import dashboard, free_port, running, servers, table, wait_for

REQUESTS, AT_ONCE = 4_000, 16

BARE = """
import sys, uvicorn
from fastapi import FastAPI
app = FastAPI()
@app.get("/health")
async def health():
    return {"status": "healthy"}
uvicorn.run(app, port=int(sys.argv[1]), log_level="warning")
"""


async def per_second(url: str) -> float:
    """Requests a second with AT_ONCE connections."""
    async with ClientSession() as http:

        async def ask(count: int) -> None:
            for _ in range(count):
                async with http.get(url) as answer:
                    await answer.read()

        await ask(200)
        started = time.perf_counter()
        await asyncio.gather(*(ask(REQUESTS // AT_ONCE) for _ in range(AT_ONCE)))
        return REQUESTS / (time.perf_counter() - started)


def main() -> None:
    port = free_port()
    with tempfile.TemporaryDirectory() as folder, servers(Path(folder)) as environment:
        with running(["-c", BARE, str(port)], {}):
            wait_for(f"http://127.0.0.1:{port}/health")
            bare = asyncio.run(per_second(f"http://127.0.0.1:{port}/health"))
        with dashboard(environment) as (_, address):
            ours = asyncio.run(per_second(f"{address}/health"))
            live = asyncio.run(per_second(f"{address}/health/live"))
    table(
        "/health, requests a second",
        [
            ("route", "requests/s", "of bare"),
            ("bare FastAPI route", f"{bare:,.0f}", "1.00"),
            ("Signalist /health/live", f"{live:,.0f}", f"{live / bare:.2f}"),
            ("Signalist /health (six checks)", f"{ours:,.0f}", f"{ours / bare:.2f}"),
        ],
    )


if __name__ == "__main__":
    main()

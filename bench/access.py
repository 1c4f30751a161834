"""What the gate costs a page and a call of the API: with it, and with everyone let in unasked."""

import asyncio
import datetime as dt
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import ClientSession, CookieJar

from bench.ground import dashboard, free_port, percentile, running, servers, table, wait_for
from bench.viewers import log_in
from core import first_start
from core.access import Role, on_this_machine
from core.accounts import tokens
from core.db import Database

PAGES, CALLS = 150, 1_500

# The same dashboard, whose gate gives everyone the same admin without looking at anything.
OPEN = """
import datetime as dt, uuid
from core.access import Role, User
from core.accounts.logins import Login
from dashboard import guard, main, presence
user = User(uuid.uuid4(), "anyone", Role.ADMIN)
login = Login(uuid.uuid4(), user, dt.datetime.now(dt.UTC), dt.datetime.now(dt.UTC))
async def let_in(self, scope, receive, send):
    if scope["type"] != "lifespan":
        scope.setdefault("state", {}).update(user=user, login=login, nonce="")
    await self._app(scope, receive, send)
guard.Guard.__call__ = let_in
presence.EVERY_S = 3600
main.run()
"""


@dataclass
class Took:
    """Milliseconds of each request, with the gate and without."""

    guarded: list[float] = field(default_factory=list)
    unguarded: list[float] = field(default_factory=list)


async def ask(http: ClientSession, url: str) -> float:
    started = time.perf_counter()
    async with http.get(url) as answer:
        await answer.read()
        answer.raise_for_status()
    return (time.perf_counter() - started) * 1000


async def in_turns(http: ClientSession, guarded: str, unguarded: str, path: str, count: int) -> Took:
    """Asks both in turns, so that whatever else the machine does falls on both alike."""
    took = Took()
    for turn in range(count + 20):
        one, other = await ask(http, guarded + path), await ask(http, unguarded + path)
        if turn >= 20:
            took.guarded.append(one)
            took.unguarded.append(other)
    return took


async def measure(guarded: str, unguarded: str, password: str, secret: str) -> dict[str, Took]:
    """A page with a session, and calls with a session and with a token."""
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as browser:
        await log_in(browser, guarded, password)
        page = await in_turns(browser, guarded, unguarded, "/", PAGES)
        me = await in_turns(browser, guarded, unguarded, "/api/v1/me", CALLS)
        feeds = await in_turns(browser, guarded, unguarded, "/api/v1/feeds", CALLS)
    async with ClientSession(headers={"Authorization": f"Bearer {secret}"}) as program:
        by_token = await in_turns(program, guarded, unguarded, "/api/v1/feeds", CALLS)
    return {
        "page /, session": page,
        "/api/v1/me, session": me,
        "/api/v1/feeds, session": feeds,
        "/api/v1/feeds, token": by_token,
    }


async def make_token(url: str) -> str:
    database = Database(url, application="bench", pool_size=1)
    by, now = on_this_machine("bench"), dt.datetime.now(dt.UTC)
    made = await tokens.create(database, by, "cli", name="bench", role=Role.ADMIN, now=now)
    await database.close()
    return made.secret


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, servers(Path(folder)) as environment:
        password = first_start.first_password(environment["DATABASE_URL"]) or ""
        secret = asyncio.run(make_token(environment["DATABASE_URL"]))
        port = free_port()
        unguarded = f"http://127.0.0.1:{port}"
        with dashboard(environment) as (_, guarded), running(["-c", OPEN], {**environment, "PORT": str(port)}):
            wait_for(f"{unguarded}/health/live")
            found = asyncio.run(measure(guarded, unguarded, password, secret))
    rows: list[tuple[object, ...]] = [("request", "with, p50 ms", "p95", "without, p50 ms", "p95", "ratio of p50")]
    for name, took in found.items():
        p50, p50_without = statistics.median(took.guarded), statistics.median(took.unguarded)
        p95, p95_without = percentile(took.guarded, 0.95), percentile(took.unguarded, 0.95)
        values = (f"{value:.2f}" for value in (p50, p95, p50_without, p95_without, p50 / p50_without))
        rows.append((name, *values))
    table("The gate", rows)


if __name__ == "__main__":
    main()

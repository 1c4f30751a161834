"""The whole dashboard in this process: its pages, its API and its guard, on real servers."""

import asyncio
import datetime as dt
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from nicegui import core, ui
from nicegui.testing import User
from nicegui.testing.general import nicegui_reset_globals, prepare_simulation

from core import queues
from core.access import Role, on_this_machine
from core.accounts import people, tokens
from core.config import Settings
from core.db import Database
from dashboard import main
from dashboard.context import Context

ORIGIN = "http://test"
PASSWORD = "correct horse battery staple"
ROOT = on_this_machine("root")


@dataclass
class Site:
    """A composed dashboard that is asked without a network in between."""

    context: Context
    _stack: AsyncExitStack = field(repr=False)

    async def stranger(self, **headers: str) -> httpx.AsyncClient:
        """A browser with no cookie. Like a browser, it says which page a request comes from."""
        return await self._stack.enter_async_context(
            httpx.AsyncClient(
                transport=httpx.ASGITransport(core.app, raise_app_exceptions=False),
                base_url=ORIGIN,
                headers={"origin": ORIGIN, **headers},
            )
        )

    async def add(self, name: str, role: Role) -> None:
        """An account with PASSWORD."""
        await people.add(self.context.database, ROOT, "cli", name=name, role=role, password=PASSWORD)

    async def browser(self, role: Role = Role.VIEWER, name: str = "") -> httpx.AsyncClient:
        """A browser of a person who has just logged in; the account is made where there is none of that name."""
        name = name or f"a-{role}"
        if name not in {row.name for row in await self.people()}:
            await self.add(name, role)
        client = await self.stranger()
        response = await log_in(client, name)
        assert response.status_code == 303, response.text
        return client

    async def person(self, role: Role = Role.VIEWER, name: str = "") -> User:
        """NiceGUI's simulated user, logged in."""
        return User(await self.browser(role, name))

    async def program(self, role: Role = Role.VIEWER) -> httpx.AsyncClient:
        """A program with a token."""
        new = await tokens.create(self.context.database, ROOT, "cli", name="program", role=role, now=_now())
        client = await self.stranger(authorization=f"Bearer {new.secret}")
        del client.headers["origin"]
        return client

    async def has_read(self) -> None:
        """Waits until the poller has taken its first snapshot."""
        deadline = time.monotonic() + 10
        while self.context.poller.latest is None:
            assert time.monotonic() < deadline, "The poller has read nothing in ten seconds."
            await asyncio.sleep(0.02)

    async def people(self) -> tuple[people.UserRow, ...]:
        return await people.everyone(self.context.database, ROOT, now=_now())


async def log_in(
    client: httpx.AsyncClient, name: str, password: str = PASSWORD, *, wanted: str = "/"
) -> httpx.Response:
    """Fills in the form and sends it."""
    page = await client.get("/login", params={"next": wanted})
    fields = dict(_HIDDEN.findall(page.text))
    return await client.post("/login", data={**fields, "name": name, "password": password})


@pytest.fixture(autouse=True)
def _cheap(cheap_passwords: None) -> None:
    """Every test logs someone in."""


@pytest.fixture
async def site(app_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Site]:
    settings = Settings(_env_file=None, DATABASE_URL=app_url, REDIS_URL=redis_url, SIGNALIST_DATA_DIR=tmp_path)
    database = Database(app_url, application="test")
    redis = queues.connect(redis_url)
    context = Context(settings, database, redis)
    with nicegui_reset_globals():
        monkeypatch.setenv("NICEGUI_USER_SIMULATION", "true")
        main.compose(context)
        prepare_simulation()
        ui.run(storage_secret="only for the simulation")
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(core.app.router.lifespan_context(core.app))
            yield Site(context, stack)
    await redis.aclose()
    await database.close()


@pytest.fixture
def logging_in() -> Callable[..., object]:
    """`await logging_in(client, name, password)` fills in the login form and sends it."""
    return log_in


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


_HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)">')

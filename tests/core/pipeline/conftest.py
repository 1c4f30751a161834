"""A web server on loopback that answers as a test wants, and what a crawl needs."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import aiohttp
import pytest
from aiohttp import web

from core.pipeline.fetch import open_session
from core.pipeline.parser import Parser

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
NOW = dt.datetime(2026, 5, 17, 12, tzinfo=dt.UTC)


@dataclass
class Site:
    """`answers` maps a path to what answers it; `requests` are those that came."""

    base: str = ""
    answers: dict[str, Answer] = field(default_factory=dict)
    requests: list[web.Request] = field(default_factory=list)

    def url(self, path: str) -> str:
        return self.base + path

    def says(self, path: str, body: bytes | str = b"", status: int = 200, **headers: str) -> str:
        """Answers `path` in one fixed way; an underscore in a header's name is a dash. Returns the address."""

        async def answer(_: web.Request) -> web.Response:
            content = body.encode() if isinstance(body, str) else body
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return web.Response(body=content, status=status, headers=named)

        self.answers[path] = answer
        return self.url(path)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        answer = self.answers.get(request.path)
        return await answer(request) if answer else web.Response(status=404)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    found = Site()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", found.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield found
    await runner.cleanup()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A session that may connect to the site, which is on a private address."""
    async with open_session(allow_private=True) as session:
        yield session


@pytest.fixture
async def parser() -> AsyncIterator[Parser]:
    found = Parser()
    yield found
    await found.close()


@pytest.fixture
async def trap() -> AsyncIterator["Trap"]:
    """A listening socket that counts who connects to it: a test on refused addresses wants nobody."""
    found = Trap()
    server = await asyncio.start_server(found.meet, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    yield found
    server.close()
    await server.wait_closed()


@dataclass
class Trap:
    port: int = 0
    connections: int = 0

    async def meet(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.close()

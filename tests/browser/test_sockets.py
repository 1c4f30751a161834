"""The socket's own protocol, spoken by someone who does not use the buttons."""

import asyncio
import datetime as dt
import html
import json
import re
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp
import httpx
import psycopg
import pytest
import socketio

from core.access import Role, on_this_machine
from core.accounts import people

if TYPE_CHECKING:
    from tests.browser.conftest import Dashboard

PASSWORD = "correct horse battery staple"
ROOT = on_this_machine("root")
SOCKETS = "/_nicegui_ws/socket.io"
TOLD_WITHIN_S = 2.0


@dataclass
class Page:
    """A page as its HTML describes it, and the socket that drives it once it is connected."""

    url: str
    client_id: str
    elements: dict[str, dict[str, Any]]
    cookie: str
    stack: AsyncExitStack
    socket: socketio.AsyncClient = field(init=False)
    received: list[str] = field(default_factory=list)

    async def connect(self, *, origin: str | None = "own", cookie: str | None = None, polling: bool = False) -> None:
        """Opens the socket as the browser does. Raises socketio's ConnectionError when it is refused."""
        headers = {"Cookie": self.cookie if cookie is None else cookie}
        if origin is not None:
            headers["Origin"] = self.url if origin == "own" else origin
        http = await self.stack.enter_async_context(aiohttp.ClientSession(headers=headers))
        self.socket = socketio.AsyncClient(reconnection=False, http_session=http)
        self.socket.on("*", lambda name, *_: self.received.append(name))
        self.stack.push_async_callback(self.socket.disconnect)
        query = {
            "client_id": self.client_id,
            "document_id": str(uuid.uuid4()),
            "tab_id": str(uuid.uuid4()),
            "next_message_id": "0",
            "implicit_handshake": "true",
        }
        await self.socket.connect(
            f"{self.url}/?{httpx.QueryParams(query)}",
            socketio_path=SOCKETS,
            transports=["polling"] if polling else ["websocket"],
            retry=False,
            wait_timeout=10,
        )

    async def fire(self, element: str, listener: dict[str, Any], *args: object, client_id: str = "") -> None:
        """What the browser sends when someone clicks or types."""
        await self.socket.emit(
            "event",
            {
                "id": int(element),
                "client_id": client_id or self.client_id,
                "listener_id": listener["listener_id"],
                "args": [json.dumps(arg) for arg in args],
            },
        )

    def listeners(self) -> list[tuple[str, dict[str, Any]]]:
        return [(id_, event) for id_, element in self.elements.items() for event in element.get("events", ())]

    def listener_of(self, event: str) -> tuple[str, dict[str, Any]]:
        """The first listener of the page to that event."""
        return next((id_, listener) for id_, listener in self.listeners() if listener["type"] == event)


@dataclass
class Visitors:
    """Makes browsers that speak HTTP and the socket protocol, and nothing else."""

    dashboard: "Dashboard"
    _stack: AsyncExitStack

    async def browser(self, role: Role, name: str = "") -> httpx.AsyncClient:
        name = name or f"a-{role}"
        await self.dashboard.person(name, role)
        client = await self._stack.enter_async_context(
            httpx.AsyncClient(base_url=self.dashboard.url, headers={"origin": self.dashboard.url})
        )
        form = dict(re.findall(r'name="(\w+)" value="([^"]*)"', (await client.get("/login")).text))
        answer = await client.post("/login", data={**form, "name": name, "password": PASSWORD})
        assert answer.status_code == 303
        return client

    async def page(self, browser: httpx.AsyncClient, path: str = "/") -> Page:
        answer = await browser.get(path)
        assert answer.status_code == 200, answer.text
        (client_id,) = re.findall(r"'client_id': '([^']+)'", answer.text)
        (raw,) = re.findall(r"parseElements\(String\.raw`(.*?)`\)", answer.text, re.DOTALL)
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        return Page(self.dashboard.url, client_id, json.loads(html.unescape(raw)), cookie, self._stack)

    async def open(self, browser: httpx.AsyncClient, path: str = "/") -> Page:
        """A page with its socket connected."""
        page = await self.page(browser, path)
        await page.connect()
        return page


@pytest.fixture
async def visitors(dashboard: "Dashboard") -> AsyncIterator[Visitors]:
    async with AsyncExitStack() as stack:
        yield Visitors(dashboard, stack)


async def until(true: Callable[[], object], within: float, what: str) -> None:
    """Waits until the condition holds; fails when it does not in so many seconds."""
    deadline = time.monotonic() + within
    while not true():
        if time.monotonic() > deadline:
            pytest.fail(f"Not within {within} s: {what}")
        await asyncio.sleep(0.02)


async def refused(page: Page, **how: Any) -> str:
    with pytest.raises(socketio.exceptions.ConnectionError) as error:
        await page.connect(**how)
    return str(error.value)


async def test_a_page_of_ones_own_can_be_driven(visitors: Visitors) -> None:
    for polling in (False, True):
        page = await visitors.page(await visitors.browser(Role.VIEWER, f"vera{int(polling)}"))
        await page.connect(polling=polling)
        await until(lambda page=page: "update" in page.received, 10, "the page is kept up to date")


async def test_what_makes_no_sense_is_a_line_in_the_log_and_no_more(visitors: Visitors) -> None:
    page = await visitors.page(await visitors.browser(Role.VIEWER))
    await page.connect()
    before = len(visitors.dashboard.log.read_text())
    own = {"client_id": page.client_id}
    known = own | {"tab_id": "t", "document_id": "d"}
    for name, content in (
        *(
            (name, odd)
            for name in ("handshake", "event", "ack", "log", "javascript_response")
            for odd in (None, 5, [], {})
        ),
        *((name, own) for name in ("handshake", "event", "ack", "log", "javascript_response")),
        *(("handshake", known | {key: []}) for key in ("tab_id", "document_id", "old_tab_id", "next_message_id")),
        ("handshake", known | {"next_message_id": "one"}),
        ("event", own | {"id": [], "listener_id": "x", "args": []}),
        ("event", own | {"id": int(page.listeners()[0][0]), "args": ["no JSON"]}),
        ("ack", own | {"next_message_id": "one"}),
        ("event", own),
    ):
        await page.socket.emit(name, content)
    page.received.clear()
    await until(lambda: "update" in page.received, 10, "the page goes on to be kept up to date")
    log = visitors.dashboard.log.read_text()[before:]
    assert "A socket sent what makes no sense." in log
    assert "Traceback" not in log
    assert "Task exception" not in log


async def test_a_foreign_origin_cannot_connect(visitors: Visitors) -> None:
    browser = await visitors.browser(Role.ADMIN)
    for origin in ("http://evil.example", "null", visitors.dashboard.url.replace("127.0.0.1", "localhost"), None):
        for polling in (False, True):
            if origin is None and polling:
                continue  # browsers name no origin when they read from their own host
            await refused(await visitors.page(browser), origin=origin, polling=polling)


async def test_a_stolen_page_id_without_a_session_does_nothing(visitors: Visitors) -> None:
    page = await visitors.page(await visitors.browser(Role.ADMIN))
    name = f"signalist-session-{page.url.rpartition(':')[2]}"
    assert name in page.cookie
    for cookie in ("", f"{name}=", f"{name}=guess", page.cookie.replace(f"{name}=", "other=")):
        await refused(page, cookie=cookie)
    await page.connect()


async def test_a_stolen_page_id_with_someone_elses_session_does_nothing(visitors: Visitors) -> None:
    theirs = await visitors.page(await visitors.browser(Role.ADMIN, "ada"))
    mine = await visitors.open(await visitors.browser(Role.VIEWER, "vera"))
    await refused(theirs, cookie=mine.cookie)
    await mine.socket.emit("handshake", {"client_id": theirs.client_id, "tab_id": "t", "document_id": "d"})
    answer = await mine.socket.call(
        "handshake", {"client_id": theirs.client_id, "tab_id": "t", "document_id": "d"}, timeout=5
    )
    assert answer is False


async def test_a_socket_speaks_for_no_page_but_its_own(visitors: Visitors) -> None:
    theirs = await visitors.open(await visitors.browser(Role.ADMIN, "ada"))
    mine = await visitors.open(await visitors.browser(Role.VIEWER, "vera"))
    # Every page of NiceGUI follows this event to another address.
    await mine.fire(*theirs.listener_of("sub_pages_navigate"), "/queues", client_id=theirs.client_id)
    for name in ("javascript_response", "ack", "log"):
        forged = {"client_id": theirs.client_id, "request_id": "x", "next_message_id": 10**9, "level": "error"}
        await mine.socket.emit(name, {**forged, "message": "forged line"})
    for malformed in (None, 7, "x", [], {}, {"client_id": None}, {"client_id": [1]}):
        await mine.socket.emit("event", malformed)
    # The same message for its own page is heard; had the forged one been, it would have arrived before.
    await mine.fire(*mine.listener_of("sub_pages_navigate"), "/queues")
    await until(lambda: {"open", "run_javascript"} & set(mine.received), 5, "vera's page is sent on")
    assert not {"open", "run_javascript"} & set(theirs.received)
    assert "forged line" not in visitors.dashboard.log.read_text()


async def test_a_tab_that_was_logged_out_elsewhere_stops_receiving(visitors: Visitors) -> None:
    browser = await visitors.browser(Role.VIEWER)
    tabs = [await visitors.open(browser) for _ in range(2)]
    for tab in tabs:
        await until(lambda tab=tab: "update" in tab.received, 10, "the page is kept up to date")
    await browser.post("/logout")
    for tab in tabs:
        await until(lambda tab=tab: not tab.socket.connected, TOLD_WITHIN_S, "the socket is closed")
        heard = len(tab.received)
        assert tab.received[-1] == "run_javascript"
        await refused(tab)
        assert len(tab.received) == heard


async def test_who_is_disabled_on_the_command_line_sees_nothing_more_within_two_seconds(visitors: Visitors) -> None:
    page = await visitors.open(await visitors.browser(Role.OPERATOR, "otto"))
    other = await visitors.open(await visitors.browser(Role.OPERATOR, "olga"))
    now = dt.datetime.now(dt.UTC)
    await people.disable(visitors.dashboard.database, ROOT, "cli", name="otto", now=now)
    await until(lambda: not page.socket.connected, TOLD_WITHIN_S, "the socket is closed")
    assert other.socket.connected


async def test_a_new_role_reloads_open_pages_within_two_seconds(visitors: Visitors) -> None:
    browser = await visitors.browser(Role.OPERATOR, "otto")
    page = await visitors.open(browser)
    await people.change_role(visitors.dashboard.database, ROOT, "cli", name="otto", role=Role.VIEWER)
    await until(lambda: not page.socket.connected, TOLD_WITHIN_S, "the socket is closed")
    assert page.received[-1] == "run_javascript"
    assert "viewer" in (await browser.get("/")).text


async def test_a_page_that_is_only_open_is_no_sign_of_life(visitors: Visitors, database_url: str) -> None:
    left, used = [await visitors.open(await visitors.browser(Role.VIEWER, name)) for name in ("vera", "victor")]
    with psycopg.connect(database_url) as connection:
        connection.execute("update sessions set last_seen_at = last_seen_at - interval '1 hour'")
    for name in ("javascript_response", "ack", "log"):
        said = {"client_id": left.client_id, "request_id": "x", "next_message_id": 1, "level": "info", "message": "-"}
        await left.socket.emit(name, said)
    await used.fire(*used.listener_of("sub_pages_navigate"), "/queues")

    def seen() -> list[str]:
        with psycopg.connect(database_url) as connection:
            found = connection.execute(
                "select name from sessions join users on users.id = user_id"
                " where last_seen_at > now() - interval '30 minutes' order by name"
            )
            return [name for (name,) in found]

    # What the first page said came before, and each second all are looked at together.
    await until(lambda: "victor" in seen(), 10, "who clicks is seen")
    assert seen() == ["victor"]


async def test_a_poller_cannot_use_someone_elses_socket(visitors: Visitors) -> None:
    ada, vera = await visitors.browser(Role.ADMIN, "ada"), await visitors.browser(Role.VIEWER, "vera")
    page = await visitors.page(ada)
    await page.connect(polling=True)
    stolen = f"{SOCKETS}/?EIO=4&transport=polling&sid={page.socket.eio.sid}"
    for answer in (await vera.get(stolen), await vera.post(stolen, content='42["event",{}]')):
        assert answer.status_code == 403
        assert "another session" in answer.json()["detail"]
    assert page.socket.connected


async def test_a_viewer_who_fires_every_handler_of_every_page_changes_nothing(
    visitors: Visitors, database_url: str, addresses: tuple[str, ...]
) -> None:
    for name, role in (("vera", Role.VIEWER), ("otto", Role.OPERATOR)):
        browser = await visitors.browser(role, name)
        for path in addresses:
            page = await visitors.open(browser, path)
            fired = [(id_, e) for id_, e in page.listeners() if not e["type"].startswith("sub_pages_")]
            for id_, event in fired:
                for arg in ({}, "https://evil.example/feed", True):
                    await page.fire(id_, event, arg)

    def done(actor: str) -> list[tuple[str, str]]:
        with psycopg.connect(database_url) as connection:
            return connection.execute(
                "select action, target from records where actor = %s and outcome = 'done' and action <> 'log in'",
                [actor],
            ).fetchall()

    # The operator, who came later, shows that what was fired was heard.
    await until(lambda: done("otto"), 10, "the operator acts")
    assert done("vera") == []

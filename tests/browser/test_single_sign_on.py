"""Single sign-on as it is met on a real port: who is at the other end of the connection is what counts."""

import asyncio
import datetime as dt
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import httpx
import pytest
from playwright.async_api import Browser, expect

from core.access import Role, on_this_machine
from core.accounts import people
from core.db import Database
from tests.browser.conftest import PATIENCE_MS

if TYPE_CHECKING:
    from tests.browser.conftest import StartDashboard

pytestmark = pytest.mark.browser
ROOT = on_this_machine("root")
# The proxy is this machine as it usually calls itself; whoever calls from the other address reached the port directly.
PROXY, OUTSIDE = "127.0.0.1", "127.0.0.9"
HEADER = "X-Forwarded-User"
# Two seconds is what is promised; a machine that runs other tests as well gets more.
TOLD_WITHIN_MS = 10_000


@pytest.fixture
def url(start_dashboard: "StartDashboard", app_url: str, redis_url: str, tmp_path: Path) -> Iterator[str]:
    # Who reaches the port directly may even say which address a request comes from.
    chosen = {"SSO_PROXIES": PROXY, "FORWARDED_ALLOW_IPS": OUTSIDE}
    with start_dashboard(tmp_path, DATABASE_URL=app_url, REDIS_URL=redis_url, **chosen) as (url, _log):
        yield url


async def test_a_person_behind_the_proxy_and_an_attacker_at_the_port(
    url: str, browser: Browser, database: Database
) -> None:
    await people.add(database, ROOT, "cli", name="jane", role=Role.ADMIN, password="correct horse battery staple")
    window = await browser.new_context(base_url=url, extra_http_headers={HEADER: "jane"})
    window.set_default_timeout(PATIENCE_MS)
    page = await window.new_page()
    await page.goto("/feeds?state=failing")
    await expect(page.locator("#live")).to_contain_text("live")
    assert page.url == f"{url}/feeds?state=failing"
    cookie = "; ".join(f"{c['name']}={c['value']}" for c in await window.cookies() if "name" in c and "value" in c)

    await at_the_port(url, cookie)

    # The open page loses its rights within two seconds, and its data with the account.
    await people.add(database, ROOT, "cli", name="ada", role=Role.ADMIN, password="correct horse battery staple")
    await people.change_role(database, ROOT, "cli", name="jane", role=Role.VIEWER)
    await expect(page.get_by_text("jane · viewer")).to_be_visible(timeout=TOLD_WITHIN_MS)
    await expect(page.locator("#live")).to_contain_text("live")
    await page.get_by_role("button", name="Log out").click()
    await expect(page.get_by_text("still knows this browser as jane")).to_be_visible()
    await page.get_by_role("link", name="Log in again").click()
    await expect(page.locator("#live")).to_contain_text("live")
    await people.disable(database, ROOT, "cli", name="jane", now=dt.datetime.now(dt.UTC))
    await expect(page.get_by_text("that account is disabled here")).to_be_visible(timeout=TOLD_WITHIN_MS + 1_000)
    await window.close()


async def at_the_port(url: str, cookie: str) -> None:
    """A stolen cookie, a made-up name and a made-up address open neither page, nor API, nor socket."""
    forged = {HEADER: "jane", "X-Forwarded-For": PROXY, "Cookie": cookie, "Origin": url}
    outside = httpx.AsyncHTTPTransport(local_address=OUTSIDE)
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=url, transport=outside, headers=forged))
        assert (await http.get("/")).headers["location"] == "/login"
        assert "Password" in (await http.get("/login")).text
        assert (await http.get("/api/v1/me")).status_code == 401
        socket = f"{url}/_nicegui_ws/socket.io/?EIO=4&transport=websocket"
        for address, allowed in ((OUTSIDE, False), (PROXY, True)):
            connector = aiohttp.TCPConnector(local_addr=(address, 0))
            session = await stack.enter_async_context(aiohttp.ClientSession(headers=forged, connector=connector))
            async with asyncio.timeout(10):
                opened = session.ws_connect(socket)
                if allowed:
                    await (await opened).close()
                else:
                    with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
                        await opened

"""The Caddyfile in a real Caddy before the real dashboard, as compose runs it; skipped where there is no Caddy."""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import httpx
import pytest
from playwright.async_api import Browser, expect

from core.access import Role, on_this_machine
from core.accounts import people
from core.db import Database
from tests.browser.conftest import free_port

if TYPE_CHECKING:
    from tests.browser.conftest import Dashboard, StartDashboard

ROOT = Path(__file__).parents[2]
CADDYFILE, SECURITY = ROOT / "Caddyfile", ROOT / "docs" / "security.md"


@contextmanager
def caddy(folder: Path, upstream: str, caddyfile: Path = CADDYFILE, **more: str) -> Iterator[tuple[str, str]]:
    """The addresses of the site and of the health check, by a Caddy that takes no port below 1024."""
    program = shutil.which("caddy")
    if program is None:
        pytest.skip("There is no Caddy on this machine: install the package `caddy` to try the Caddyfile.")
    site, check = free_port(), free_port()
    told = {"SITE_ADDRESS": f"localhost:{site}", "UPSTREAM": upstream, "XDG_DATA_HOME": str(folder)}
    environment = os.environ | told | {"XDG_CONFIG_HOME": str(folder)} | more
    adapted = subprocess.run(
        [program, "adapt", "--adapter", "caddyfile", "--config", caddyfile],
        env=environment,
        capture_output=True,
        check=True,
    ).stdout
    config = json.loads(adapted.replace(b":2080", f":{check}".encode()))
    config["admin"] = {"disabled": True}
    for server in config["apps"]["http"]["servers"].values():
        server.setdefault("automatic_https", {})["disable_redirects"] = True
    (folder / "caddy.json").write_text(json.dumps(config).replace('"try_duration": 5000000000', '"try_duration": 1'))
    with (folder / "caddy.log").open("w") as log:
        process = subprocess.Popen(
            [program, "run", "--config", folder / "caddy.json"], env=environment, stdout=log, stderr=log
        )
        try:
            _wait_for(f"https://localhost:{site}/health/live", process, folder / "caddy.log")
            yield f"https://localhost:{site}", f"http://127.0.0.1:{check}"
        finally:
            process.terminate()
            process.wait(10)


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            httpx.get(url, verify=False)
        except httpx.TransportError:
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"Caddy did not start:\n{log.read_text()}")
            time.sleep(0.05)
        else:
            return


@pytest.mark.browser
async def test_a_person_works_through_it_over_tls(dashboard: "Dashboard", browser: Browser, tmp_path: Path) -> None:
    await dashboard.person("ada", Role.ADMIN)
    with caddy(tmp_path, dashboard.url.removeprefix("http://")) as (site, check):
        window = await browser.new_context(base_url=site, ignore_https_errors=True)
        page = await dashboard.log_in(window, "ada", to="/queues")
        # Drawn over the web socket.
        await expect(page.get_by_role("heading", name="Running now")).to_be_visible()
        assert {cookie["secure"] for cookie in await window.cookies()} == {True}
        cookies = {cookie["name"]: cookie["value"] for cookie in await window.cookies()}
        await window.close()

        async with httpx.AsyncClient(base_url=site, verify=False, cookies=cookies) as http:
            answer = await http.get("/queues", headers={"accept-encoding": "zstd, gzip"})
            assert answer.status_code == 200
            assert answer.headers["content-encoding"] in {"zstd", "gzip"}
            assert "h3=" in answer.headers["alt-svc"]
            assert "no-store" in answer.headers["cache-control"]
            assert "nonce-" in answer.headers["content-security-policy"], "the policy of the page stays"
            for name in ("content-security-policy", "strict-transport-security", "x-frame-options", "cache-control"):
                assert len(answer.headers.get_list(name)) == 1, name
            assert not {"server", "via"} & set(answer.headers)
            script = await http.get("/assets/session.js")
            assert "no-store" not in script.headers.get("cache-control", "")
            assert (await http.get(check)).json() == {"status": "healthy"}


class _Authelia(BaseHTTPRequestHandler):
    """Knows a browser by its cookie; what needs nobody it lets pass, and names nobody."""

    def do_GET(self) -> None:
        known = "authelia=jane" in self.headers.get("cookie", "")
        self.send_response(200 if known or self.headers.get("x-forwarded-uri") == "/login" else 401)
        if known:
            self.send_header("remote-user", "jane")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def authelia() -> Iterator[str]:
    """The address of something that answers as Authelia does."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Authelia) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
async def behind_a_proxy(
    start_dashboard: "StartDashboard", app_url: str, redis_url: str, database: Database, tmp_path: Path
) -> AsyncIterator[str]:
    """Host and port of a dashboard that believes the proxy who somebody is, and has the account of jane."""
    await people.add(database, on_this_machine("root"), "cli", name="jane", role=Role.ADMIN, password="x4 random words")
    with start_dashboard(tmp_path, DATABASE_URL=app_url, REDIS_URL=redis_url, SSO_PROXIES="127.0.0.1") as (url, _log):
        yield url.removeprefix("http://")


@pytest.mark.browser
async def test_nobody_names_themselves_through_it(behind_a_proxy: str, tmp_path: Path) -> None:
    with caddy(tmp_path, behind_a_proxy) as (site, _check):
        for name in ("X-Forwarded-User", "x-forwarded-user"):
            answer = await _names_itself(site, name)
            assert answer.status_code == 200
            assert "Password" in answer.text
    with caddy(tmp_path, behind_a_proxy, SSO_HEADER="X-Other") as (site, _check):
        # The header is the one that was chosen: this Caddy guards another one than this dashboard reads.
        assert (await _names_itself(site, "X-Forwarded-User")).status_code == 303


async def _names_itself(site: str, header: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=site, verify=False) as http:
        return await http.get("/login", headers={header: "jane"})


@pytest.mark.browser
async def test_the_example_of_single_sign_on_lets_in_whom_it_names_and_nobody_else(
    behind_a_proxy: str, authelia: str, tmp_path: Path
) -> None:
    (example,) = re.findall(r"```caddyfile\n(.*?)```", SECURITY.read_text(), re.DOTALL)
    before, reverse_proxy, after = CADDYFILE.read_text().partition("\t\t# Its web sockets pass as they are.\n")
    (tmp_path / "Caddyfile").write_text(before + example + reverse_proxy + after)
    with caddy(tmp_path, behind_a_proxy, tmp_path / "Caddyfile", AUTHELIA=authelia) as (site, _check):
        async with httpx.AsyncClient(base_url=site, verify=False, follow_redirects=True) as http:
            forged = {"X-Forwarded-User": "jane", "Remote-User": "jane"}
            assert (await http.get("/queues", headers=forged)).status_code == 401
            # An empty name, which some Caddys send where the answer has none, is refused.
            login = await http.get("/login", headers=forged)
            assert (login.status_code, len(login.history)) in {(200, 0), (403, 0)}
            http.cookies.set("authelia", "jane")
            assert (await http.get("/queues", headers={"X-Forwarded-User": "ada"})).status_code == 200
            assert (await http.get("/api/v1/me")).json()["name"] == "jane"


def test_while_the_dashboard_is_away_it_says_so_and_is_not_cached(tmp_path: Path) -> None:
    with caddy(tmp_path, f"127.0.0.1:{free_port()}") as (site, check):
        answer = httpx.get(site, verify=False)
        assert answer.status_code == 502
        assert answer.text.startswith("Signalist cannot be reached just now (502).")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["retry-after"] == "5"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["strict-transport-security"]
        assert httpx.get(check).status_code == 502

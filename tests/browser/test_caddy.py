"""The Caddyfile in a real Caddy before the real dashboard, as compose runs it; skipped where there is no Caddy."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from playwright.async_api import Browser, expect

from core.access import Role
from tests.browser.conftest import free_port

if TYPE_CHECKING:
    from tests.browser.conftest import Dashboard

CADDYFILE = Path(__file__).parents[2] / "Caddyfile"


@contextmanager
def caddy(folder: Path, upstream: str) -> Iterator[tuple[str, str]]:
    """The addresses of the site and of the health check, by a Caddy that takes no port below 1024."""
    program = shutil.which("caddy")
    if program is None:
        pytest.skip("There is no Caddy on this machine: install the package `caddy` to try the Caddyfile.")
    site, check = free_port(), free_port()
    told = {"SITE_ADDRESS": f"localhost:{site}", "UPSTREAM": upstream, "XDG_DATA_HOME": str(folder)}
    environment = os.environ | told | {"XDG_CONFIG_HOME": str(folder)}
    adapted = subprocess.run(
        [program, "adapt", "--config", CADDYFILE], env=environment, capture_output=True, check=True
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

"""Behind a proxy that ends TLS, on this machine, as the server trusts it from the start."""

import re
from typing import TYPE_CHECKING

import httpx

from core.access import Role

if TYPE_CHECKING:
    from tests.browser.conftest import Dashboard

PASSWORD = "correct horse battery staple"
PROXY = {
    "host": "signalist.example",
    "x-forwarded-proto": "https",
    "x-forwarded-for": "203.0.113.9",
    "origin": "https://signalist.example",
}


async def test_a_person_behind_the_proxy_is_known_by_their_own_address_and_a_cookie_for_tls(
    dashboard: "Dashboard",
) -> None:
    await dashboard.person("ada", Role.ADMIN)
    async with httpx.AsyncClient(base_url=dashboard.url, headers=PROXY) as proxy:
        page = await proxy.get("/login")
        form = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.text))
        kept = {c.partition("=")[0]: c.partition("=")[2].partition(";")[0] for c in page.headers.get_list("set-cookie")}
        cookie = "; ".join(f"{name}={value}" for name, value in kept.items())
        answer = await proxy.post(
            "/login", data={**form, "name": "ada", "password": PASSWORD}, headers={"cookie": cookie}
        )
        assert answer.status_code == 303
        (session,) = [c for c in answer.headers.get_list("set-cookie") if c.startswith("__Host-signalist-session=")]
        assert "Secure" in session
        assert "strict-transport-security" in answer.headers
        known = {"cookie": session.partition(";")[0]}
        rows = (await proxy.get("/api/v1/sessions", headers=known)).json()
        assert [row["address"] for row in rows] == ["203.0.113.9"]
        opened = "/_nicegui_ws/socket.io/?EIO=4&transport=polling"
        assert (await proxy.get(opened, headers=known)).status_code == 200
        plain = {**known, "origin": "http://signalist.example"}
        assert (await proxy.get(opened, headers=plain)).status_code == 403


async def test_a_proxy_that_keeps_quiet_about_tls_is_told_so(dashboard: "Dashboard") -> None:
    silent = {name: value for name, value in PROXY.items() if not name.startswith("x-")}
    async with httpx.AsyncClient(base_url=dashboard.url, headers=silent) as proxy:
        answer = await proxy.post("/login", data={})
        assert answer.status_code == 403
        assert 'role="alert"' in answer.text
        assert "has to send X-Forwarded-Proto" in answer.text

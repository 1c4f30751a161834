"""People whom the team's own proxy names, and whoever would like to be taken for one."""

import asyncio
import datetime as dt
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest
from nicegui import core

from core.access import Role, on_this_machine
from core.accounts import people
from core.accounts.logins import MOST
from core.accounts.throttle import FREE
from core.config import Settings, settings
from core.errors import Misconfigured
from dashboard.context import Context, set_context

if TYPE_CHECKING:
    from tests.dashboard.conftest import Site

ROOT = on_this_machine("root")
PASSWORD = "correct horse battery staple"
ORIGIN = "http://test"
PROXY, NETWORK, ELSEWHERE = "10.9.9.9", "192.0.2.0/28", "203.0.113.7"
HEADER = "x-forwarded-user"
# name=None: without the header. peer: who is at the other end of the connection.
Through = Callable[..., Awaitable[httpx.AsyncClient]]


@pytest.fixture
async def through(site: "Site") -> AsyncIterator[Through]:
    """`await through("jane")` is a browser behind the proxy that has asked it who it is."""
    async with AsyncExitStack() as stack:

        async def browser(name: str | None = None, *, peer: str = PROXY, **headers: str) -> httpx.AsyncClient:
            named = {} if name is None else {HEADER: name}
            return await stack.enter_async_context(
                httpx.AsyncClient(
                    transport=httpx.ASGITransport(core.app, raise_app_exceptions=False, client=(peer, 4711)),
                    base_url=ORIGIN,
                    headers={"origin": ORIGIN, **named, **headers},
                )
            )

        on(site)
        yield browser


def on(site: "Site", **changed: Any) -> None:
    """Switches single sign-on on, without a new dashboard."""
    changed = {"sso_proxies": (ip_network(PROXY), ip_network(NETWORK)), **changed}
    now = Context(site.context.settings.model_copy(update=changed), site.context.database, site.context.redis)
    now.__dict__["open_logins"], now.__dict__["poller"] = site.context.open_logins, site.context.poller
    set_context(now)


async def enter(browser: httpx.AsyncClient) -> httpx.Response:
    """Opens a page and goes where it leads, as a browser does."""
    return await browser.get("/access", follow_redirects=True)


async def who(browser: httpx.AsyncClient) -> tuple[int, str]:
    answer = await browser.get("/api/v1/me")
    return answer.status_code, answer.json().get("role", "")


def record(url: str) -> list[tuple[str, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(
            "select actor, coalesce(address, ''), outcome from records where details->>'via' = 'single sign-on'"
            " and action = 'log in' order by id"
        ).fetchall()


async def test_whom_the_proxy_names_comes_in_with_their_own_role(
    site: "Site", through: Through, database_url: str
) -> None:
    await site.add("jane", Role.OPERATOR)
    for name, peer in (("jane", PROXY), ("Jane", "192.0.2.3"), ("jane", f"::ffff:{PROXY}")):
        browser = await through(name, peer=peer)
        page = await enter(browser)
        assert (page.status_code, page.url.path) == (200, "/access")
        assert await who(browser) == (200, "operator")
        # What they do not have cannot be changed.
        assert "Old password" not in page.text
        assert "You are jane, operator." in page.text
    assert record(database_url)[0] == ("jane", PROXY, "done")


async def test_who_reaches_the_port_and_names_somebody_is_a_stranger(
    site: "Site", through: Through, database_url: str, json_log: io.StringIO
) -> None:
    await site.add("jane", Role.ADMIN)
    inside = await through("jane")
    await enter(inside)
    cookie = {"cookie": "; ".join(f"{name}={value}" for name, value in inside.cookies.items())}
    for peer in (ELSEWHERE, "127.0.0.1", "192.0.2.16", "", "10.9.9.99", "::1"):
        # 127.0.0.1 is trusted to say whose requests it passes on, which is no word about who they are.
        forged = await through("jane", peer=peer, **{"x-forwarded-for": PROXY, "forwarded": f"for={PROXY}"})
        page = await enter(forged)
        assert "Password" in page.text
        assert (await forged.post("/logout")).status_code == 303
        # Not even with a cookie that was stolen from someone behind the proxy.
        thief = await through("jane", peer=peer, **cookie)
        assert (await who(thief))[0] == 401
        assert (await thief.get("/_nicegui_ws/socket.io/?EIO=4&transport=polling")).status_code == 401
    assert (await who(inside)) == (200, "admin")
    assert len(record(database_url)) == 1
    warned = [line for line in map(json.loads, json_log.getvalue().splitlines()) if "SSO_PROXIES" in line["event"]]
    assert warned[0]["peer"] == ELSEWHERE


NO_NAMES = (
    *(
        "",
        " ",
        "jane, ada",
        "jane\t",
        "ja\x7fne",
        "\x1cjane",
        "jane\x85",
        "jané",
        "\u212aate",
        "jane\x00",
        "jane\r\nx: y",
    ),
    *("../jane", "x" * 65, "x" * 100_000, "system admin", "token ci", "<b>jane</b>"),
)


async def test_a_header_that_is_no_name_is_refused(site: "Site", through: Through, database_url: str) -> None:
    await site.add("jane", Role.ADMIN)
    on(site, sso_new_role="viewer")
    browser = await through()
    for header in NO_NAMES:
        sent = {HEADER: header.encode()}
        for path in ("/", "/login", "/api/v1/me", "/_nicegui_ws/socket.io/?EIO=4&transport=polling"):
            answer = await browser.get(path, headers=sent)
            assert answer.status_code == 403, (header[:70], path)
            assert "single sign-on names nobody" in answer.text
    # The status is for everyone.
    assert (await browser.get("/health", headers=sent)).status_code in {200, 503}
    with psycopg.connect(database_url) as connection:
        assert connection.execute("select name from users").fetchall() == [("jane",)]


async def test_a_header_that_is_there_twice_is_refused(site: "Site", through: Through) -> None:
    await site.add("jane", Role.ADMIN)
    browser = await through("jane")
    await enter(browser)
    for other in ("jane", "ada"):
        twice = [*browser.headers.raw, (b"X-Forwarded-User", other.encode())]
        for path in ("/", "/login", "/api/v1/me"):
            assert (await browser.get(path, headers=httpx.Headers(twice))).status_code == 403


async def test_who_is_unknown_is_refused_or_added_as_it_was_chosen(
    site: "Site", through: Through, database_url: str
) -> None:
    unknown = await through("new.person@example.org")
    page = await enter(unknown)
    assert page.status_code == 403
    assert "says that you are new.person@example.org, and no account has that name" in page.text
    assert (await who(unknown))[0] == 401
    on(site, sso_new_role="viewer")
    page = await enter(unknown)
    assert page.status_code == 200
    assert await who(unknown) == (200, "viewer")
    assert record(database_url) == [
        ("new.person@example.org", PROXY, "refused"),
        ("new.person@example.org", PROXY, "done"),
    ]
    with psycopg.connect(database_url) as connection:
        (added,) = connection.execute(
            "select actor, target, details->>'role' from records where details->>'change' = 'added'"
        ).fetchall()
    assert added == ("system", "new.person@example.org", "viewer")


async def test_whoever_is_refused_again_and_again_does_not_fill_the_record(
    site: "Site", through: Through, database_url: str
) -> None:
    await site.add("jane", Role.OPERATOR)
    jane, unknown = await through("jane"), await through("nobody.known")
    await people.disable(site.context.database, ROOT, "cli", name="jane", now=dt.datetime.now(dt.UTC))
    for browser in (jane, unknown):
        pages = await asyncio.gather(*(enter(browser) for _ in range(FREE + 9)))
        assert {page.status_code for page in pages} == {403}
    refused = [("jane", PROXY, "refused")] * FREE + [("nobody.known", PROXY, "refused")] * FREE
    assert record(database_url) == refused
    # Who is let in again waits for nothing.
    await people.enable(site.context.database, ROOT, "cli", name="jane")
    assert (await enter(jane)).status_code == 200


async def test_a_program_that_keeps_no_cookie_neither_piles_sessions_up_nor_ends_those_that_are_used(
    site: "Site", through: Through, database_url: str
) -> None:
    await site.add("jane", Role.OPERATOR)
    jane = await through("jane")
    await enter(jane)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("update sessions set created_at = created_at - interval '2 minutes'")
        for _ in range(MOST + 5):
            probe = await through("jane")
            assert (await probe.get("/login")).status_code == 303
        assert connection.execute("select count(*) from sessions").fetchone() == (MOST,)
    assert await who(jane) == (200, "operator")
    assert await who(probe) == (200, "operator")


async def test_what_another_page_loads_begins_no_session(site: "Site", through: Through, database_url: str) -> None:
    await site.add("jane", Role.OPERATOR)
    browser = await through("jane")
    for loaded_as in ("image", "iframe", "script", "empty"):
        assert (await browser.get("/login", headers={"sec-fetch-dest": loaded_as})).status_code == 403
    assert record(database_url) == []
    assert (await browser.get("/login", headers={"sec-fetch-dest": "document"})).status_code == 303
    assert await who(browser) == (200, "operator")


async def test_who_is_disabled_is_told_so_and_a_new_role_holds_at_once(site: "Site", through: Through) -> None:
    await site.add("jane", Role.OPERATOR)
    browser = await through("jane")
    await enter(browser)
    await people.change_role(site.context.database, ROOT, "cli", name="jane", role=Role.VIEWER)
    assert await who(browser) == (200, "viewer")
    await people.disable(site.context.database, ROOT, "cli", name="jane", now=dt.datetime.now(dt.UTC))
    assert (await who(browser))[0] == 401
    page = await enter(browser)
    assert page.status_code == 403
    assert "that account is disabled" in page.text


async def test_the_next_person_at_the_same_browser_is_not_the_last_one(site: "Site", through: Through) -> None:
    for name, role in (("ada", Role.ADMIN), ("vera", Role.VIEWER)):
        await site.add(name, role)
    browser = await through("ada")
    await enter(browser)
    assert await who(browser) == (200, "admin")
    browser.headers[HEADER] = "vera"
    assert (await who(browser))[0] == 401
    await enter(browser)
    assert await who(browser) == (200, "viewer")
    # Nor does a session with a password outlast the word of the proxy.
    admin = await site.browser(Role.ADMIN, "ada")
    behind = await through("vera", cookie="; ".join(f"{name}={value}" for name, value in admin.cookies.items()))
    assert (await who(behind))[0] == 401
    assert await who(admin) == (200, "admin")


async def test_logging_out_says_what_it_cannot_end(site: "Site", through: Through) -> None:
    await site.add("jane", Role.VIEWER)
    browser = await through("jane")
    await enter(browser)
    page = await browser.post("/logout")
    assert page.status_code == 200
    assert "still knows this browser as jane" in page.text
    assert 'href="/login"' in page.text
    assert (await who(browser))[0] == 401
    await enter(browser)
    assert await who(browser) == (200, "viewer")


async def test_an_admin_comes_in_with_a_password_while_the_proxy_is_away(
    site: "Site", through: Through, logging_in: Callable[..., Awaitable[httpx.Response]]
) -> None:
    await site.add("ada", Role.ADMIN)
    browser = await through(peer="127.0.0.1")
    assert (await logging_in(browser, "ada")).status_code == 303
    assert await who(browser) == (200, "admin")
    # Of those whom it added nobody knows a password.
    on(site, sso_new_role="operator")
    await enter(await through("jane"))
    assert (await logging_in(await through(peer="127.0.0.1"), "jane", "")).status_code == 401
    named = await (await through("ada")).post("/login", data={"name": "ada", "password": PASSWORD})
    assert named.status_code == 403
    assert "a password is for when it is away" in named.text


async def test_a_page_of_another_host_gains_nothing_by_the_proxys_word(site: "Site", through: Through) -> None:
    await site.add("jane", Role.OPERATOR)
    browser = await through("jane")
    await enter(browser)
    foreign = {"origin": "http://evil.example"}
    for path in ("/logout", "/api/v1/queues/crawl/pause", "/_nicegui_ws/socket.io/?EIO=4"):
        assert (await browser.post(path, headers=foreign)).status_code == 403
    assert (await browser.get("/api/v1/me", headers=foreign)).status_code == 403
    assert (await browser.post("/api/v1/queues/crawl/pause")).status_code == 204


async def test_without_a_proxy_in_the_settings_nobody_is_believed(site: "Site", through: Through) -> None:
    await site.add("jane", Role.ADMIN)
    on(site, sso_proxies=())
    for peer in (PROXY, "127.0.0.1"):
        assert "Password" in (await enter(await through("jane", peer=peer))).text


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("SSO_PROXIES", "proxy.example", "SSO_PROXIES: write addresses, as 10.0.0.5"),
        ("SSO_PROXIES", "10.0.0.5/8", "SSO_PROXIES: write addresses"),
        ("SSO_PROXIES", "10.0.0.5, 0.0.0.0/0", "SSO_PROXIES: that is everyone's address"),
        ("SSO_PROXIES", "::/0", "SSO_PROXIES: that is everyone's address"),
        ("SSO_HEADER", "X-User: x", "SSO_HEADER: "),
        ("SSO_NEW_ROLE", "admin", "SSO_NEW_ROLE: "),
        ("FORWARDED_ALLOW_IPS", "everyone", "FORWARDED_ALLOW_IPS: write addresses"),
    ],
)
def test_a_wrong_setting_of_single_sign_on_stops_the_start_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str, sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(name, value)
    settings.cache_clear()
    with pytest.raises(Misconfigured) as refused:
        settings()
    settings.cache_clear()
    assert str(refused.value).startswith(sentence)


def test_proxies_are_addresses_and_networks() -> None:
    found = Settings(_env_file=None, sso_proxies="10.0.0.5, fd00::/8").sso_proxies
    assert [str(network) for network in found] == ["10.0.0.5/32", "fd00::/8"]
    assert Settings(_env_file=None, forwarded_allow_ips="*").forwarded_allow_ips == "*"

"""The login page, as a browser meets it."""

import datetime as dt
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import httpx

from core.access import Role, on_this_machine
from core.accounts import people
from core.accounts.throttle import ADDRESS_LIMIT, FREE

if TYPE_CHECKING:
    from tests.dashboard.conftest import Site

PASSWORD = "correct horse battery staple"
ROOT = on_this_machine("root")
LogIn = Callable[..., Awaitable[httpx.Response]]


def hidden(page: httpx.Response) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.text))


def alert(page: httpx.Response) -> str:
    (text,) = re.findall(r'role="alert".*?<span>(.*?)</span></div>', page.text, re.DOTALL)
    return text


async def test_the_right_password_leads_to_the_page_that_was_asked_for(site: "Site", logging_in: LogIn) -> None:
    await site.add("vera", Role.VIEWER)
    stranger = await site.stranger()
    sent = await stranger.get("/feeds?state=failing")
    assert sent.headers["location"] == "/login?next=/feeds%3Fstate%3Dfailing"
    answer = await logging_in(stranger, "vera", wanted="/feeds?state=failing")
    assert (answer.status_code, answer.headers["location"]) == (303, "/feeds?state=failing")
    assert (await stranger.get("/login")).headers["location"] == "/"


async def test_a_wrong_password_says_so_and_keeps_the_name(site: "Site", logging_in: LogIn) -> None:
    await site.add("vera", Role.VIEWER)
    answer = await logging_in(await site.stranger(), "vera", "wrong")
    assert answer.status_code == 401
    assert alert(answer) == "The name or the password is wrong."
    assert 'value="vera"' in answer.text
    assert "aria-invalid" in answer.text
    assert "wrong" not in answer.headers.get("set-cookie", "")


async def test_what_was_typed_cannot_become_markup(site: "Site", logging_in: LogIn) -> None:
    answer = await logging_in(
        await site.stranger(), '"><script>alert(1)</script>', wanted='/"><script>alert(2)</script>'
    )
    assert "<script" not in answer.text


async def test_too_many_wrong_passwords_have_to_wait(site: "Site", logging_in: LogIn) -> None:
    await site.add("vera", Role.VIEWER)
    stranger = await site.stranger()
    for _ in range(FREE):
        await logging_in(stranger, "vera", "wrong")
    answer = await logging_in(stranger, "vera")
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "1"
    assert "Try again in" in alert(answer)


async def test_a_browser_that_logged_in_before_is_not_slowed_down_by_its_neighbours(
    site: "Site", logging_in: LogIn
) -> None:
    known = await site.browser(Role.ADMIN, "ada")
    await known.post("/logout")
    attacker = await site.stranger()
    for n in range(ADDRESS_LIMIT):
        await logging_in(attacker, f"guess{n}", "wrong")
    assert (await logging_in(await site.stranger(), "ada")).status_code == 429
    assert (await logging_in(known, "ada")).status_code == 303


async def test_a_form_that_we_did_not_send_is_refused(site: "Site") -> None:
    await site.add("vera", Role.VIEWER)
    good = {"name": "vera", "password": PASSWORD}
    stranger, other = await site.stranger(), await site.stranger()
    assert (await stranger.post("/login", data=good)).status_code == 403
    mine, theirs = hidden(await stranger.get("/login")), hidden(await other.get("/login"))
    for csrf in ("", "x", "x.y", theirs["csrf"], mine["csrf"][:-1] + "!"):
        answer = await stranger.post("/login", data={**good, "csrf": csrf})
        assert answer.status_code == 403
        assert "log in again" in alert(answer)
    assert (await stranger.post("/login", data={**good, **mine})).status_code == 303


async def test_two_open_login_pages_do_not_spoil_each_other(site: "Site") -> None:
    await site.add("vera", Role.VIEWER)
    stranger = await site.stranger()
    first = hidden(await stranger.get("/login"))
    await stranger.get("/login")
    answer = await stranger.post("/login", data={**first, "name": "vera", "password": PASSWORD})
    assert answer.status_code == 303


async def test_garbage_is_answered_with_the_form(site: "Site") -> None:
    stranger = await site.stranger()
    csrf = hidden(await stranger.get("/login"))["csrf"].encode()
    for body in (
        b"",
        b"\xff\xfe\x00",
        b"name=%00&password=%00",
        b"name=" + b"x" * 9_000,
        b"&" * 9_000,
        b"name=a&name=b&password=" + b"p" * 9_000,
        b"x" * 20_000,
    ):
        for sent in (body, b"csrf=" + csrf + b"&" + body):
            answer = await stranger.post("/login", content=sent)
            assert answer.status_code in {401, 403, 413}, (body[:20], answer.text)
            assert 'name="password"' in answer.text


async def test_the_cookie_changes_at_login_and_a_planted_one_opens_nothing(site: "Site", logging_in: LogIn) -> None:
    await site.add("vera", Role.VIEWER)
    stranger = await site.stranger()
    stranger.cookies.set("signalist-session-8080", "planted", domain="test.local", path="/")
    assert (await logging_in(stranger, "vera")).status_code == 303
    token = stranger.cookies["signalist-session-8080"]
    assert token != "planted"
    thief = await site.stranger(cookie=f"signalist-session-8080={token}")
    assert (await thief.get("/api/v1/me")).status_code == 200
    await stranger.post("/logout")
    assert (await thief.get("/api/v1/me")).status_code == 401


async def test_scripts_cannot_read_the_cookie(site: "Site", logging_in: LogIn) -> None:
    await site.add("vera", Role.VIEWER)
    answer = await logging_in(await site.stranger(), "vera")
    for cookie in answer.headers.get_list("set-cookie"):
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie


async def test_logging_out_ends_the_session_and_says_so_to_whoever_had_none(site: "Site") -> None:
    browser = await site.browser()
    for _ in range(2):
        answer = await browser.post("/logout")
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert (await browser.get("/api/v1/me")).status_code == 401
    assert (await browser.get("/logout")).status_code in {303, 405}


async def test_a_new_role_holds_from_the_next_request_on(site: "Site") -> None:
    browser = await site.browser(Role.ADMIN, "vera")
    await site.add("ada", Role.ADMIN)
    await people.change_role(site.context.database, ROOT, "cli", name="vera", role=Role.VIEWER)
    assert (await browser.get("/api/v1/users")).status_code == 403
    await people.disable(site.context.database, ROOT, "cli", name="vera", now=dt.datetime.now(dt.UTC))
    assert (await browser.get("/api/v1/me")).status_code == 401

"""Nobody gets past the gate who should not, on whatever road."""

import datetime as dt
import io
import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

import httpx
import pytest
from fastapi.routing import iter_route_contexts
from nicegui import core, ui
from starlette.routing import Mount

from core.access import LEAST, Action, Role, on_this_machine
from core.accounts import people
from core.config import Settings
from core.db import Database
from core.pipeline.opml import LARGEST_FILE
from dashboard import sockets
from dashboard.api.access import actions_of
from dashboard.context import Context, set_context
from dashboard.login import local
from dashboard.main import PAGES
from dashboard.sockets import login_of

if TYPE_CHECKING:
    from tests.dashboard.conftest import Site

ROOT = on_this_machine("root")
# What a stranger may have: the way in, the bare status, and what is the same for everyone.
OPEN = {
    ("GET", "/login"),
    ("POST", "/login"),
    ("POST", "/logout"),
    ("GET", "/health"),
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/favicon.ico"),
    ("HEAD", "/favicon.ico"),
    ("GET", "/assets/{path:path}"),
    ("GET", "/_nicegui/{version}/libraries/{key:path}"),
    ("GET", "/_nicegui/{version}/components/{key:path}"),
    ("GET", "/_nicegui/{version}/resources/{key}/{path:path}"),
    ("GET", "/_nicegui/{version}/esm/{key}/{path:path}"),
    ("GET", "/_nicegui/{version}/static"),
}


def routes() -> Iterator[tuple[str, str]]:
    """Method and path of everything that the application answers to, mounted applications too."""
    for route in iter_route_contexts(core.app.routes):
        if isinstance(route.original_route, Mount):
            yield from mounted(route.original_route)
        else:
            for method in route.methods or {"GET"}:
                yield method, route.path or ""


def mounted(mount: Mount) -> Iterator[tuple[str, str]]:
    yield "GET", mount.path
    for route in iter_route_contexts(mount.routes or ()):
        for method in route.methods or {"GET"}:
            yield method, mount.path + (route.path or "")


def versionless(path: str) -> str:
    return re.sub(r"^/_nicegui/[\d.]+/", "/_nicegui/{version}/", path)


def example(path: str) -> str:
    return re.sub(r"{[^}]*}", "00000000-0000-4000-8000-000000000000", path)


async def test_a_stranger_gets_nothing_but_the_login_static_files_and_the_bare_status(site: "Site") -> None:
    stranger = await site.stranger()
    closed = [(method, path) for method, path in routes() if (method, versionless(path)) not in OPEN]
    assert {path for _, path in closed} >= {"/", "/api/v1/feeds", "/api/openapi.json", "/api/", "/_nicegui_ws"}
    for method, path in closed:
        response = await stranger.request(method, example(path))
        if response.status_code == 303:
            assert response.headers["location"].startswith("/login"), path
        else:
            assert response.status_code == 401, (method, path, response.text)
            assert response.headers["content-type"] == "application/problem+json"


async def test_paths_that_exist_nowhere_are_closed_as_well(site: "Site") -> None:
    stranger = await site.stranger()
    for path in (
        "/nothing",
        "/metrics",
        "/login/",
        "//login",
        "/login/../",
        "/login%2f..%2f",
        "/health%3f/../",
        "/health%23/",
        "/LOGIN",
        "/_nicegui/auto/static/x",
        "/_nicegui/client/x/upload/1",
        "/docs",
        "/redoc",
        "/openapi.json",
    ):
        response = await stranger.get(path)
        assert response.status_code in {303, 401}, (path, response.status_code)


async def test_a_made_up_host_opens_no_path(site: "Site") -> None:
    stranger = await site.stranger()
    for host in ("test/login?", "test/health?x=", "test/assets/", "[", "test:abc"):
        response = await stranger.get("/api/v1/users", headers={"host": host})
        assert response.status_code in {401, 403}, host


async def test_the_bare_status_tells_a_stranger_nothing_else(site: "Site") -> None:
    await site.has_read()
    health = (await (await site.stranger()).get("/health")).json()
    assert set(health) == {"status", "checks", "timestamp"}
    assert all(set(check) == {"status"} for check in health["checks"].values())
    for known in (await site.browser(), await site.program()):
        told = (await known.get("/health")).json()
        assert set(told["checks"]["database"]) == {"status", "latency_ms", "checked_at", "detail"}


async def test_a_wrong_token_is_a_stranger_to_the_status_and_refused_elsewhere(site: "Site") -> None:
    await site.has_read()
    guess = await site.stranger(authorization="Bearer signalist_guess")
    assert all(set(check) == {"status"} for check in (await guess.get("/health")).json()["checks"].values())
    refused = await guess.get("/api/v1/me")
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert "unknown, has expired or was revoked" in refused.json()["detail"]


def test_every_message_of_a_socket_is_checked_before_it_is_heard() -> None:
    sockets.install()
    assert set(core.sio.handlers) == {"/"}
    forgotten = {name for name, handler in core.sio.handlers["/"].items() if not hasattr(handler, "checked")}
    # Who goes away, asks for nothing.
    assert forgotten == {"disconnect"}


def test_what_the_server_of_the_sockets_logs_goes_where_all_goes_and_nowhere_else() -> None:
    sockets.install()
    for server in (core.sio, core.sio.eio):
        assert server.logger.handlers == []
        assert server.logger.propagate


async def test_a_token_opens_the_api_and_no_page(site: "Site") -> None:
    program = await site.program(Role.ADMIN)
    assert (await program.get("/api/v1/me")).json() == {"name": "token program", "role": "admin"}
    assert (await program.get("/")).headers["location"] == "/login"


async def test_every_route_of_the_api_declares_the_action_that_it_takes(site: "Site") -> None:
    (api,) = (route for route in core.app.routes if isinstance(route, Mount) and route.path == "/api")
    asked = {
        (method, route.path): actions_of(route)
        for route in iter_route_contexts(api.routes)
        for method in route.methods or ()
        if route.path != "/openapi.json"
    }
    assert len(asked) > 25
    forgotten = [route for route, actions in asked.items() if len(actions) != 1]
    assert not forgotten
    reading = {Action.VIEW, Action.SEARCH, Action.READ_RECORD}
    managing = {Action.MANAGE_USERS, Action.MANAGE_TOKENS, Action.END_SESSIONS}
    for (method, path), (action,) in asked.items():
        if method != "GET":
            assert action not in reading, path
        elif action not in managing and path != "/v1/feeds/export":
            assert action in reading, path


async def test_every_page_and_file_asks_what_one_may(site: "Site", monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {
        route.path: actions_of(route)
        for route in iter_route_contexts(core.app.routes)
        if not isinstance(route.original_route, Mount)
        for method in route.methods or {"GET"}
        if (method, versionless(route.path or "")) not in OPEN and not (route.path or "").startswith("/_nicegui")
    }
    # What is no page declares its action, as the API does; /api without a slash only leads to the one with it.
    forgotten = {path for path, actions in asked.items() if len(actions) != 1 and path not in {*PAGES, "/api"}}
    assert forgotten == set()
    browser = await site.browser(Role.OPERATOR)
    monkeypatch.setitem(LEAST, Action.VIEW, Role.ADMIN)
    for path in map(example, PAGES):
        answer = await browser.get(path)
        assert "To view you need the role admin" in answer.text, path
        assert "<nav" not in answer.text


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
async def test_a_role_is_refused_by_every_route_that_needs_a_higher_one(site: "Site", role: Role) -> None:
    described = (await (await site.browser(Role.ADMIN)).get("/api/openapi.json")).json()
    for client in (await site.browser(role), await site.program(role)):
        for path, methods in described["paths"].items():
            for method, operation in methods.items():
                least = Role(operation["x-least-role"])
                if role.includes(least):
                    continue
                response = await client.request(method, example(f"/api{path}"), json={})
                assert response.status_code == 403, (method, path, response.text)
                assert response.json()["detail"].startswith("To "), response.text


async def test_a_page_of_another_host_acts_in_nobodys_name(site: "Site") -> None:
    browser = await site.browser(Role.ADMIN)
    del browser.headers["origin"]
    for path in ("/login", "/logout", "/api/v1/queues/crawl/pause", "/_nicegui_ws/socket.io/?EIO=4"):
        assert (await browser.post(path)).status_code == 403, path
    for origin in (
        "null",
        "http://evil.example",
        "http://test.evil.example",
        "http://test:81",
        "https://test",
        "http://test@evil.example",
        "test",
        "http://[",
    ):
        headers = {"origin": origin}
        for path in ("/login", "/logout", "/api/v1/queues/crawl/pause", "/_nicegui_ws/socket.io/?EIO=4"):
            assert (await browser.post(path, headers=headers)).status_code == 403, (path, origin)
        for path in ("/api/v1/me", "/_nicegui_ws/socket.io/?EIO=4&transport=polling"):
            assert (await browser.get(path, headers=headers)).status_code == 403, (path, origin)
    assert (await browser.get("/api/v1/me")).status_code == 200


@pytest.mark.parametrize("site_address", ["signalist.example", "https://signalist.example:8443, *.corp.example"])
async def test_a_name_of_somebody_else_that_leads_here_opens_nothing(site: "Site", site_address: str) -> None:
    browser, program = await site.browser(Role.ADMIN), await site.program(Role.ADMIN)
    told = site.context.settings.model_copy(update={"site_address": site_address})
    here = Context(told, site.context.database, site.context.redis)
    here.__dict__["open_logins"] = site.context.open_logins
    set_context(here)

    async def asked(client: httpx.AsyncClient, method: str, path: str, host: str) -> int:
        headers = {"host": host} | ({"origin": f"http://{host}"} if "origin" in client.headers else {})
        return (await client.request(method, path, headers=headers)).status_code

    for host in ("evil.example", "evil.example:8080", "signalist.example.evil.example", "127.0.0.1.evil.example", "["):
        for path in ("/", "/login", "/api/v1/me", "/_nicegui_ws/socket.io/?EIO=4&transport=polling"):
            assert await asked(browser, "GET", path, host) == 403, (host, path)
        assert await asked(browser, "POST", "/login", host) == 403
        assert await asked(program, "GET", "/api/v1/me", host) == 200, "a token is no cookie that a browser adds"
    for host in ("SIGNALIST.example", "signalist.example:8443", "localhost:8080", "127.0.0.1", "[::1]:8080"):
        assert await asked(browser, "GET", "/api/v1/me", host) == 200, host


@pytest.mark.parametrize(
    ("site_address", "names"),
    [("", ()), (":443", ()), ("localhost", ("localhost",)), ("http://a.b:80 *.c, D", ("a.b", "*.c", "d"))],
)
def test_the_name_of_the_site_is_read_as_caddy_reads_it(site_address: str, names: tuple[str, ...]) -> None:
    assert Settings(_env_file=None, site_address=site_address).site_names == names


async def test_every_answer_tells_the_browser_what_to_refuse(site: "Site") -> None:
    browser, stranger = await site.browser(), await site.stranger()
    answers = [
        await client.get(path)
        for client in (browser, stranger)
        for path in ("/", "/login", "/health", "/api/v1/me", "/api/", "/nothing", "/assets/shell.js")
    ]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "strict-transport-security" not in answer.headers


async def test_an_answer_a_problem_and_the_log_name_the_request(
    site: "Site", json_log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = await site.browser()
    given = "proxy-4711.a:b"
    for path in ("/", "/login", "/health/live", "/api/v1/me", "/nothing", "/assets/shell.js"):
        assert (await browser.get(path, headers={"x-request-id": given})).headers["x-request-id"] == given
    made_up = {
        (await browser.get("/api/v1/me", headers={"x-request-id": name})).headers["x-request-id"]
        for name in ("", "short", "x" * 65, "two words", "<script>", "a\tb-c-d-e-f", "ünïcödé-name".encode())
    }
    assert len(made_up) == 7
    assert all(re.fullmatch("[0-9a-f]{16}", name) for name in made_up)
    refused = await (await site.stranger()).get("/api/v1/me")
    assert refused.json()["request_id"] == refused.headers["x-request-id"]
    # A mistake of ours tells the caller nothing but where to look.
    admin = await site.browser(Role.ADMIN, "ada")
    monkeypatch.setattr("core.queries.users.everyone", None)
    broken = await admin.get("/api/v1/users", headers={"x-request-id": "look-here"})
    assert (broken.status_code, broken.json()["request_id"]) == (500, "look-here")
    told = [json.loads(line) for line in json_log.getvalue().splitlines()]
    (failure,) = (line for line in told if line["event"] == "A request failed.")
    assert failure["request_id"] == "look-here"


async def test_the_log_hears_of_a_guessed_token_and_of_a_foreign_page_and_not_of_who_has_to_log_in(
    site: "Site", json_log: io.StringIO
) -> None:
    stranger = await site.stranger()
    await stranger.get("/feeds")
    await stranger.get("/api/v1/me")
    guessed = await stranger.get("/api/v1/me", headers={"authorization": "Bearer signalist_guessed-guessed-guessed"})
    foreign = await stranger.post("/login", headers={"origin": "http://evil.example"})
    told = [line for line in map(json.loads, json_log.getvalue().splitlines()) if line["level"] == "warning"]
    assert [(line["path"], line["address"], line["request_id"]) for line in told] == [
        ("/api/v1/me", "127.0.0.1", guessed.headers["x-request-id"]),
        ("/login", "127.0.0.1", foreign.headers["x-request-id"]),
    ]
    assert "http://evil.example" in told[1]["reason"]
    assert "guessed-guessed" not in json_log.getvalue()


async def test_scripts_run_by_a_nonce_that_no_two_pages_share(site: "Site") -> None:
    browser = await site.browser()
    nonces = set()
    for _ in range(2):
        page = await browser.get("/")
        policy = page.headers["content-security-policy"]
        (nonce,) = re.findall(r"'nonce-([^']+)'", policy)
        nonces.add(nonce)
        assert "'unsafe-inline'" not in policy.split("script-src")[1].split(";")[0]
        ours = re.findall(r"<script\b[^>]*>", page.text)
        assert sum(f'nonce="{nonce}"' in tag for tag in ours) >= 5
    assert len(nonces) == 2


async def test_behind_tls_cookies_are_for_this_host_and_tls_only(site: "Site") -> None:
    await site.add("vera", Role.VIEWER)
    stranger = httpx.AsyncClient(
        transport=httpx.ASGITransport(core.app), base_url="https://test", headers={"origin": "https://test"}
    )
    async with stranger:
        page = await stranger.get("/login")
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.text))
        answer = await stranger.post(
            "/login", data={**fields, "name": "vera", "password": "correct horse battery staple"}
        )
        assert answer.status_code == 303
        assert "max-age=" in answer.headers["strict-transport-security"]
        session = next(c for c in answer.headers.get_list("set-cookie") if "signalist-session" in c)
        assert session.startswith("__Host-signalist-session=")
        for attribute in ("Secure", "HttpOnly", "SameSite=lax", "Path=/"):
            assert attribute in session
        assert "Domain" not in session
        assert (await stranger.get("/api/v1/me")).json()["name"] == "vera"


async def test_while_postgres_is_away_who_was_in_goes_on_reading_and_nobody_acts(site: "Site") -> None:
    browser, stranger = await site.browser(Role.ADMIN), await site.stranger()
    assert (await browser.get("/api/v1/me")).status_code == 200
    nowhere = Database("postgresql://nobody@127.0.0.1:1/none", application="test")
    here = site.context.open_logins
    here._database = nowhere
    away = Context(site.context.settings, nowhere, site.context.redis)
    away.__dict__["open_logins"], away.__dict__["poller"] = here, site.context.poller
    set_context(away)
    assert (await browser.get("/")).status_code == 200
    assert (await browser.get("/api/v1/me")).status_code == 200
    assert (await browser.post("/api/v1/queues/crawl/pause")).status_code == 503
    assert (await stranger.get("/login")).status_code == 200
    stranger.cookies.set("signalist-session-8080", "unknown")
    page = await stranger.get("/")
    assert page.status_code == 503
    assert 'role="alert"' in page.text
    assert "Postgres cannot be reached." in page.text
    assert (await stranger.get("/api/v1/me")).status_code == 503
    assert (await stranger.get("/health/live")).status_code == 200


async def test_who_is_disabled_while_postgres_is_there_is_not_remembered(site: "Site") -> None:
    browser = await site.browser(name="vera")
    assert (await browser.get("/api/v1/me")).status_code == 200
    await people.disable(site.context.database, ROOT, "cli", name="vera", now=dt.datetime.now(dt.UTC))
    await site.context.open_logins.still_open([])
    site.context.open_logins._database = Database("postgresql://nobody@127.0.0.1:1/none", application="test")
    assert (await browser.get("/api/v1/me")).status_code == 503


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "/%09/evil.example\r\nSet-Cookie: x=1",
        "https://evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        " //evil.example",
        "/ /evil.example",
        "evil.example",
        "///evil.example",
        "/login?next=/login",
        "/logout",
        "",
        None,
    ],
)
def test_the_login_leads_nowhere_but_to_a_page_of_this_host(target: str | None) -> None:
    assert local(target) == "/"


@pytest.mark.parametrize("target", ["/", "/feeds?state=failing&q=a%20b", "/search?q=%C3%A9", "/queues#crawl"])
def test_the_login_leads_back_to_where_one_wanted_to_go(target: str) -> None:
    assert local(target) == target


async def test_a_page_knows_whose_it_is(site: "Site") -> None:
    user = await site.person(Role.OPERATOR, "otto")
    client = await user.open("/")
    login = login_of(client)
    assert login is not None
    assert (login.user.name, login.user.role) == ("otto", Role.OPERATOR)


async def test_what_a_page_offers_for_uploads_is_for_its_own_session(site: "Site") -> None:
    ada, vera = await site.person(Role.ADMIN, "ada"), await site.browser(name="vera")
    page = await ada.open("/")
    target = f"/_nicegui/client/{page.id}/upload/1"
    assert (await vera.post(target, files={"x": b""})).status_code == 403
    assert (await ada.http_client.post(target, files={"x": b""})).status_code == 404


@pytest.mark.parametrize(("size", "status"), [(LARGEST_FILE, 200), (2 * LARGEST_FILE, 413)])
async def test_a_file_that_is_too_large_is_not_even_received(site: "Site", size: int, status: int) -> None:
    otto = await site.person(Role.OPERATOR, "otto")
    received: list[int] = []
    with await otto.open("/feeds") as client:
        ui.upload(on_upload=lambda event: received.append(event.file.size()))
        (upload,) = [element for element in client.elements.values() if isinstance(element, ui.upload)]
    target = f"/_nicegui/client/{client.id}/upload/{upload.id}"
    assert (await otto.http_client.post(target, files={"x": bytes(size)})).status_code == status
    assert received == [size] * (status == 200)


@pytest.mark.parametrize("says_its_length", [True, False])
async def test_a_request_that_is_too_large_is_refused_and_no_mistake_of_ours(
    site: "Site", json_log: io.StringIO, says_its_length: bool
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield bytes(LARGEST_FILE // 10)

    api = await site.program(Role.OPERATOR)
    body = bytes(2 * LARGEST_FILE) if says_its_length else endless()
    answer = await api.post("/api/v1/feeds/import", content=body)
    assert (answer.status_code, answer.json()["status"]) == (413, 413)
    assert '"level": "error"' not in json_log.getvalue()

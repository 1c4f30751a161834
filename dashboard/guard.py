"""The one gate: every request and every socket passes here before anything else of ours sees it."""

import asyncio
import secrets
from typing import Any
from urllib.parse import quote

import nicegui
import structlog
from nicegui import ui
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from core.access import User
from core.accounts import single_sign_on
from core.errors import Forbidden, NotLoggedIn, SignalistError, Unavailable
from core.pipeline.opml import LARGEST_FILE
from dashboard import cookies, headers, login, nonces, presence, sockets
from dashboard.connection import address, leads_here, own_origin, path, request_id, same_origin, vouched_name
from dashboard.context import context
from dashboard.presence import acting_user, current_user
from dashboard.problems import answer

log = structlog.get_logger(__name__)

__all__ = ["acting_user", "current_user", "install"]

SOCKETS = "/_nicegui_ws/"
SCRIPTS = f"/_nicegui/{nicegui.__version__}/"
# What everyone may load: code and styles that are the same for all. Never the resources that pages make themselves.
STATIC = ("/assets/", *(SCRIPTS + kind for kind in ("static/", "libraries/", "components/", "resources/", "esm/")))
ICONS = ("/favicon.ico",)
# Answers everyone with the bare status; who is known gets the details.
HEALTH = ("/health", "/health/ready")
# Never waits for a server.
LIVE = "/health/live"
# The way in, and the way out for whose session has ended already.
OPEN = (login.PATH, login.LOGOUT)
# What programs use; everything else is for people.
FOR_PROGRAMS = ("/api/v1/", "/api/openapi.json", "/metrics", *HEALTH)
# An OPML file and what a form puts around it. A larger body would fill the disk, which containers have in memory.
LARGEST_BODY = LARGEST_FILE + 64_000
SAFE = ("GET", "HEAD", "OPTIONS")
# To say who asks, /health may not become slower than its own checks.
HEALTH_PATIENCE_S = 0.5


def install(app: Any) -> None:
    """Puts the gate in front of `app`, NiceGUI's own, with the login page; closes pages whose session has ended."""
    # Before Guard, so that it comes after it.
    app.add_middleware(RequestBodyLimitMiddleware, max_body_size=LARGEST_BODY)
    app.add_middleware(Guard)
    app.include_router(login.router)
    nonces.install()
    sockets.install()
    presence.install()
    ui.add_head_html('<script src="/assets/session.js" defer></script>', shared=True)


class BodyTooLarge(SignalistError):
    """No request may be larger than the largest OPML file."""

    http_status = 413


class Guard:
    """Says who asks (`request.state.user`, None for a stranger on an open path), or why they may not."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        known = request_id(connection)
        scope.setdefault("state", {}).update(user=None, login=None, nonce=secrets.token_urlsafe(16), request_id=known)
        # Every line that is logged on behalf of this request or socket has it, and so has the answer.
        with bound_contextvars(request_id=known):
            await self._answer(connection, scope, receive, headers.protecting(scope, send))

    async def _answer(self, connection: HTTPConnection, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await _admit(connection)
        except SignalistError as error:
            _tell(connection, error)
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008, "reason": str(error)})
            else:
                await _refusal(connection, error)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _tell(connection: HTTPConnection, error: SignalistError) -> None:
    """The log hears of whoever tried something; a person who has still to log in has not."""
    if not isinstance(error, NotLoggedIn) or _bearer(connection) is not None:
        log.warning("A request was refused.", path=path(connection), address=address(connection), reason=str(error))


async def _admit(connection: HTTPConnection) -> None:
    # What does not say how long it is, is counted as it comes.
    length = connection.headers.get("content-length", "")
    if length.isdecimal() and int(length) > LARGEST_BODY:
        raise BodyTooLarge
    wanted = path(connection)
    if wanted.startswith(STATIC) or wanted in (*ICONS, LIVE):
        return
    if wanted in HEALTH:
        await _recognise(connection)
        return
    bearer = _bearer(connection) if wanted.startswith(FOR_PROGRAMS) else None
    if bearer is not None:
        connection.state.user = await _holder(connection, bearer)
        return
    _demand_own_origin(connection)
    await _know(connection)
    if connection.state.user is None and wanted not in OPEN:
        raise NotLoggedIn
    if wanted.startswith(SOCKETS):
        sockets.demand_own_socket(connection)
    if wanted.startswith(sockets.OF_PAGES):
        sockets.demand_own_page(connection)


async def _know(connection: HTTPConnection) -> None:
    """Attaches the session that the cookie opens, if it opens one. Raises NotAName."""
    vouched = vouched_name(connection)
    token = cookies.read(connection, cookies.SESSION)
    if not token:
        return
    found = await context().open_logins.by_token(token, address=address(connection))
    if found is not None and single_sign_on.holds(token, found.user.name, vouched):
        connection.state.login, connection.state.user = found, found.user


async def _holder(connection: HTTPConnection, bearer: str) -> User:
    user = await context().open_logins.by_bearer(bearer, address=address(connection))
    if user is None:
        raise NotLoggedIn("That token is unknown, has expired or was revoked.")
    return user


async def _recognise(connection: HTTPConnection) -> None:
    bearer = _bearer(connection)
    try:
        async with asyncio.timeout(HEALTH_PATIENCE_S):
            if bearer is None:
                await _know(connection)
            else:
                connection.state.user = await _holder(connection, bearer)
    except (TimeoutError, Unavailable, NotLoggedIn, Forbidden):
        # A stranger, as far as can be told.
        return


def _demand_own_origin(connection: HTTPConnection) -> None:
    """A page of another host may neither open a socket nor send a form in the name of whoever looks at it.

    Browsers name the origin with every socket, and with everything but a plain reading.
    """
    origin, own = connection.headers.get("origin"), own_origin(connection)
    if not leads_here(connection):
        raise Forbidden(f"The request was sent to {own}, and SITE_ADDRESS names this site otherwise.")
    if origin is None:
        if not _is_reading(connection):
            raise Forbidden("The request does not say which page it comes from.")
    elif not same_origin(origin, own):
        raise Forbidden(
            f"The request comes from a page of {origin}, and this is {own}. A proxy that ends TLS has to send "
            "X-Forwarded-Proto, and Signalist has to trust that proxy."
        )


def _is_reading(connection: HTTPConnection) -> bool:
    return connection.scope["type"] == "http" and connection.scope["method"] in SAFE


def _bearer(connection: HTTPConnection) -> str | None:
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def _refusal(connection: HTTPConnection, error: SignalistError) -> Response:
    wanted = path(connection)
    by_a_person = wanted in OPEN or _is_reading(connection)
    if wanted.startswith((*FOR_PROGRAMS, SOCKETS)) or not by_a_person:
        return answer(error)
    if not isinstance(error, NotLoggedIn):
        return login.closed(connection, error)
    query = connection.scope["query_string"].decode("latin-1")
    wanted = quote(wanted) + (f"?{query}" if query else "")
    target = login.PATH if wanted == "/" else f"{login.PATH}?next={quote(wanted, safe='/')}"
    return RedirectResponse(target, 303, {"cache-control": "no-store"})

"""Binds NiceGUI's sockets to sessions.

NiceGUI takes the id of a page for proof that whoever names it may drive it. Here a socket drives the pages that were
sent to its own session, and among those only the one that it shook hands for.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import parse_qs

import structlog
from nicegui import Client, core
from socketio.exceptions import ConnectionRefusedError  # noqa: A004 - the name that the protocol gives it
from starlette.requests import HTTPConnection
from starlette.types import Scope

from core.accounts.logins import Login
from core.errors import Forbidden
from dashboard.connection import path
from dashboard.context import context

log = structlog.get_logger(__name__)
Handler = Callable[..., Any]

# Addresses that hold the id of a page follow.
OF_PAGES = "/_nicegui/client/"
# The words on which NiceGUI's script reloads the page, which leads to the login.
_RELOAD = "Implicit handshake failed"


def login_of(client: Client) -> Login | None:
    """The session that a page was sent to."""
    request = client._request  # the property raises for pages without a request
    return None if request is None else login_in(request.scope)


def login_in(scope: Scope) -> Login | None:
    """The session of a request or a socket that passed the guard."""
    login = scope.get("state", {}).get("login")
    return login if isinstance(login, Login) else None


def demand_own_page(connection: HTTPConnection) -> None:
    """What a page offers for itself, as the target of its uploads, is for the session that it was sent to."""
    client_id = path(connection).removeprefix(OF_PAGES).partition("/")[0]
    if not _same_session(client_id, {"asgi.scope": connection.scope}):
        raise Forbidden("That page was sent to someone else.")


def demand_own_socket(connection: HTTPConnection) -> None:
    """Who polls instead of keeping a connection open names a socket with each request: it has to be their own."""
    sid = connection.query_params.get("sid")
    environ = core.sio.environ.get(sid) if sid else None
    if environ is not None:
        opened_by, asks = login_in(environ["asgi.scope"]), login_in(connection.scope)
        if opened_by is None or asks is None or opened_by.id != asks.id:
            raise Forbidden("That socket belongs to another session.")


def install() -> None:
    """Puts the checks in front of every handler that NiceGUI registered with Socket.IO."""
    # Its own handlers would write past the form and the redaction of our log, and each line twice.
    for server in (core.sio, core.sio.eio):
        server.logger.handlers.clear()
    handlers: dict[str, Handler] = core.sio.handlers["/"]
    wrapped = {
        "connect": _checked_connect,
        "handshake": _checked_handshake,
        "event": _checked_event,
        **dict.fromkeys(("javascript_response", "ack", "log"), _checked_message),
    }
    for name, wrap in wrapped.items():
        if not hasattr(handlers[name], "checked"):
            handlers[name] = wrap(handlers[name])


def _checked_connect(handler: Handler) -> Handler:
    @_mark(handler)
    async def connect(sid: str, environ: dict[str, Any], auth: object = None) -> Any:
        query = {name: values[0] for name, values in parse_qs(environ.get("QUERY_STRING", "")).items()}
        if not _same_session(query.get("client_id", ""), environ):
            raise ConnectionRefusedError(_RELOAD)
        if query.get("implicit_handshake") == "true" and not _makes_sense(query):
            raise ConnectionRefusedError("That is no handshake.")
        return await handler(sid, environ, auth)

    return connect


def _checked_handshake(handler: Handler) -> Handler:
    @_mark(handler)
    async def handshake(sid: str, message: object = None) -> Any:
        client_id = _client_id(message)
        if not _makes_sense(message):
            log.warning("A socket sent what makes no sense.", socket=sid)
            return False
        if not _same_session(client_id, core.sio.get_environ(sid)):
            log.warning("A socket asked for a page that was sent to someone else.", socket=sid)
            return False
        return await handler(sid, message)

    return handshake


def _checked_message(handler: Handler) -> Handler:
    @_mark(handler)
    def message(sid: str, content: object = None) -> Any:
        client_id = _client_id(content)
        client = Client.instances.get(client_id)
        if client is None:
            return None
        if login_of(client) is None or client_id not in core.sio.rooms(sid):
            log.warning("A socket spoke for a page that is not its own.", socket=sid)
            return None
        try:
            return handler(sid, content)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            # No fault of a handler of ours: NiceGUI sees to those itself.
            log.warning("A socket sent what makes no sense.", socket=sid, error=type(error).__name__)
            return None

    return message


def _checked_event(handler: Handler) -> Handler:
    """Somebody has clicked or typed. The other messages a page sends by itself, as long as it is open."""

    @wraps(handler)
    def event(sid: str, content: object = None) -> Any:
        client = Client.instances.get(_client_id(content))
        if client is not None and (login := login_of(client)):
            context().open_logins.active(login.id)
        return handler(sid, content)

    return _checked_message(event)


def _mark(handler: Handler) -> Callable[[Handler], Handler]:
    def mark(check: Handler) -> Handler:
        wrapped: Any = wraps(handler)(check)
        wrapped.checked = True
        return wrapped  # type: ignore[no-any-return]

    return mark


def _same_session(client_id: str, environ: dict[str, Any] | None) -> bool:
    client = Client.instances.get(client_id)
    if client is None or environ is None:
        # NiceGUI answers for pages that are gone; a socket that is gone has nothing to be answered.
        return environ is not None
    theirs, ours = login_of(client), login_in(environ["asgi.scope"])
    return theirs is not None and ours is not None and theirs.id == ours.id


def _makes_sense(message: object) -> bool:
    """Whether that can be a handshake: NiceGUI keeps these by what they are, until the socket closes and after."""
    if not isinstance(message, dict):
        return False
    names = all(isinstance(message.get(key), str) for key in ("client_id", "tab_id", "document_id"))
    return names and isinstance(message.get("old_tab_id"), str | None) and _is_number(message.get("next_message_id"))


def _is_number(said: object) -> bool:
    return said is None or isinstance(said, int) or (isinstance(said, str) and said.isdecimal())


def _client_id(message: object) -> str:
    named = message.get("client_id") if isinstance(message, dict) else None
    return named if isinstance(named, str) else ""

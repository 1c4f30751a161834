"""Our cookies: what they are called, what a browser may do with them, and values that we signed."""

import hmac
import secrets

from starlette.requests import HTTPConnection
from starlette.responses import Response

from dashboard.connection import is_https
from dashboard.context import context

SESSION = "session"
DEVICE = "device"
LOGIN_FORM = "login"

# What signs when there is no APP_SECRET: in development, where a restart may forget browsers and open login forms.
_OF_THIS_PROCESS = secrets.token_hex(32)


def read(connection: HTTPConnection, name: str) -> str | None:
    return connection.cookies.get(_full(connection, name))


def put(connection: HTTPConnection, response: Response, name: str, value: str, *, max_age: int) -> None:
    """Sets a cookie for this host that no script reads; `max_age` in seconds."""
    response.set_cookie(
        _full(connection, name),
        value,
        max_age=max_age,
        path="/",
        secure=is_https(connection),
        httponly=True,
        samesite="lax",
    )


def drop(connection: HTTPConnection, response: Response, name: str) -> None:
    response.delete_cookie(
        _full(connection, name), path="/", secure=is_https(connection), httponly=True, samesite="lax"
    )


def signed(purpose: str, value: str) -> str:
    """The value with a signature that holds for this purpose only."""
    return f"{value}.{_signature(purpose, value)}"


def unsigned(purpose: str, text: str | None) -> str | None:
    """What `signed` made this from; None when we did not."""
    value, _, signature = (text or "").rpartition(".")
    return value if value and hmac.compare_digest(signature.encode(), _signature(purpose, value).encode()) else None


def _full(connection: HTTPConnection, name: str) -> str:
    # __Host-: a browser takes it over TLS only, and from no other host of the domain.
    # Cookies ignore the port, so two dashboards on one machine would log each other out.
    return f"__Host-signalist-{name}" if is_https(connection) else f"signalist-{name}-{context().settings.port}"


def _signature(purpose: str, value: str) -> str:
    secret = context().settings.app_secret.get_secret_value() or _OF_THIS_PROCESS
    return hmac.digest(secret.encode(), f"{purpose}\0{value}".encode(), "sha256").hex()

"""What a request says about where it comes from.

Read from the scope: `connection.url` is put together from the Host header, and so from whatever the sender made up.
"""

import re
import secrets
from fnmatch import fnmatchcase
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from core.accounts.single_sign_on import name_in
from dashboard.context import context
from dashboard.forwarded import sent_by

REQUEST_ID = "x-request-id"
# It is written into the log and into the answer: a name, and no lines or markup of somebody's making.
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{8,64}")


def is_https(connection: HTTPConnection) -> bool:
    """Whether the browser speaks TLS, to us or to a proxy whose X-Forwarded-Proto the server was told to trust."""
    return connection.scope["scheme"] in {"https", "wss"}


def address(connection: HTTPConnection) -> str:
    """The network address that it came from; behind a proxy that the server trusts, the one that the proxy names."""
    return connection.client.host if connection.client else "local"


def vouched_name(connection: HTTPConnection) -> str | None:
    """Whom the single sign-on says that this is; None when it does not come from there, or names nobody.

    Raises NotAName for a header that it should not have sent.
    """
    chosen = context().settings
    if not chosen.sso_proxies or not sent_by(connection, chosen.sso_proxies):
        return None
    header = connection.headers.getlist(chosen.sso_header)
    return name_in(header) if header else None


def path(connection: HTTPConnection) -> str:
    """The path as the router sees it: decoded."""
    return str(connection.scope["path"])


def request_id(connection: HTTPConnection) -> str:
    """What tells this request from all others in the log: as a proxy or a program named it, else a new one."""
    given = connection.headers.get(REQUEST_ID, "")
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)


def own_origin(connection: HTTPConnection) -> str:
    """The origin of the pages that this host serves."""
    return f"{'https' if is_https(connection) else 'http'}://{connection.headers.get('host', '')}"


def leads_here(connection: HTTPConnection) -> bool:
    """Whether the request was sent to this site by its own name, or by an address.

    A name of somebody else's that leads here would make their page one of ours, as far as a browser can tell.
    """
    names = context().settings.site_names
    if not names:
        return True
    try:
        name = urlsplit(own_origin(connection)).hostname or ""
    except ValueError:
        return False
    return name == "localhost" or _is_address(name) or any(fnmatchcase(name, known) for known in names)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def same_origin(one: str, other: str) -> bool:
    """Whether scheme, host and port are equal; what cannot be read equals nothing."""
    parts = _parts(one)
    return parts is not None and parts == _parts(other)


def _parts(origin: str) -> tuple[str, str, int | None] | None:
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return None
    if not parts.scheme or not parts.hostname:
        return None
    return parts.scheme, parts.hostname, port or {"http": 80, "https": 443}.get(parts.scheme)

"""Who really sends a request, and what a proxy may say of whoever is behind it.

The server would do the second by itself; then nobody could tell any more who the first was.
"""

import ipaddress
from collections.abc import Collection
from typing import Any

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from core.config import Network


class KeepPeer:
    """Keeps the address at the other end of the connection, before X-Forwarded-For is put in its place."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in {"http", "websocket"}:
            client = scope.get("client")
            scope.setdefault("state", {})["peer"] = client[0] if client else ""
        await self._app(scope, receive, send)


def install(app: Any, trusted: str) -> None:
    """Outermost: `trusted` proxies (FORWARDED_ALLOW_IPS) say which address a request comes from, and whether by TLS."""
    app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=trusted)
    app.add_middleware(KeepPeer)


def sent_by(connection: HTTPConnection, peers: Collection[Network]) -> bool:
    """Whether one of these is at the other end of the connection itself."""
    try:
        peer = ipaddress.ip_address(connection.scope["state"].get("peer", ""))
    except ValueError:
        return False
    mapped = peer.ipv4_mapped if isinstance(peer, ipaddress.IPv6Address) else None
    return any((mapped or peer) in network for network in peers)

"""Where things listen: whether a port is free, and how an address is shown."""

import contextlib
import errno
import os
import socket
from urllib.parse import urlsplit

import psutil

from core.errors import Conflict, Misconfigured


def check_free(host: str, port: int) -> None:
    """Raises Conflict when another program listens there, Misconfigured when nobody could."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # As servers do: a port whose last connections are still fading away is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Conflict(
                f"Port {port} on {host} is in use{_user_of(port)}: stop that, or set PORT to another."
            ) from None
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise Misconfigured(f"HOST and PORT: nothing can listen on {host}:{port}: {reason}.") from None


def reachable_host(host: str) -> str:
    """Where to reach, on this box, what listens on `host`: an address that means all of them cannot be asked for."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - recognised, not listened on


def web_address(host: str, port: int) -> str:
    """What to type into a browser on this box."""
    shown = reachable_host(host)
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


def without_secrets(url: str) -> str:
    """Host, port and database of an address; no user, no password and no options."""
    parts = urlsplit(url)
    return f"{parts.netloc.rpartition('@')[2]}{parts.path}"


def _user_of(port: int) -> str:
    # Only root sees whose sockets others hold.
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    return ""

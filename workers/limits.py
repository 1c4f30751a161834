"""When a worker process makes place for a fresh one: memory that leaks, and age, end in a drain instead of a crash.

To drain is SIGTERM to oneself after a job: nothing new is taken, what runs is finished, and taskiq's manager starts a
fresh process. Meanwhile the other processes have the queue.
"""

import os
import random
import signal
import time
from collections.abc import Callable

import psutil
import structlog

log = structlog.get_logger(__name__)

LIFETIME_S = 3600.0
# So that processes that were started together are not recycled together.
_SPREAD = 0.1
# Above what the process had when it had loaded its models: those are no leak, and weigh more on one machine than on
# another (the offline embedder maps about 100 MB).
GROWTH_MB = 256.0

# To measure costs as much as a small job.
_MEASURED_EVERY_S = 0.5


def _stop_gracefully() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


class Limits:
    """Age and memory of this process."""

    def __init__(
        self,
        *,
        lifetime: float = LIFETIME_S,
        growth_mb: float = GROWTH_MB,
        stop: Callable[[], None] = _stop_gracefully,
    ) -> None:
        """`lifetime` in seconds, ±10 %; `stop` begins the drain."""
        self._lifetime = lifetime * random.uniform(1 - _SPREAD, 1 + _SPREAD)  # noqa: S311 - nothing to guess here
        self._growth_mb = growth_mb
        self._stop = stop
        self._process = psutil.Process()
        self._parent = os.getppid()
        self._born = time.monotonic()
        self._measured_at = float("-inf")
        self.memory_limit_mb: float | None = None
        self.is_draining = False

    def begin(self) -> None:
        """Call when everything is loaded."""
        self.memory_limit_mb = self.memory_mb() + self._growth_mb

    def memory_mb(self) -> float:
        """Resident memory."""
        return float(self._process.memory_info().rss) / 2**20

    def after_a_job(self) -> None:
        """Drains the process if it has grown too old or too big."""
        if time.monotonic() - self._born > self._lifetime:
            self.drain("old")
        elif self._is_too_big():
            self.drain("big")

    def _is_too_big(self) -> bool:
        now = time.monotonic()
        if self.memory_limit_mb is None or now - self._measured_at < _MEASURED_EVERY_S:
            return False
        self._measured_at = now
        return self.memory_mb() > self.memory_limit_mb

    def look_after_the_manager(self) -> None:
        """Drains the process if its manager was killed: nobody else would ever stop it."""
        if os.getppid() != self._parent:
            self.drain("without a manager")

    def drain(self, why: str) -> None:
        if not self.is_draining:
            self.is_draining = True
            log.info("this worker makes place for a fresh one", why=why, memory_mb=round(self.memory_mb()))
            self._stop()

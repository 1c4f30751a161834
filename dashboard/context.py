"""What every page and route of this process works with, set once by the composition root."""

from dataclasses import dataclass
from functools import cached_property

from redis.asyncio import Redis

from core.config import Settings
from core.db import Database
from core.pipeline.models import Embedder, make_embedder
from core.queues import QUEUES, listing
from core.queues.listing import FinishedJob, JobSample, JobTimes
from core.readings import Reader
from dashboard.open_logins import OpenLogins
from dashboard.poller import EVERY_S, Poller
from dashboard.shared import Shared

# Of each queue and kind: what a page has room for.
SAMPLED = 5
# Some hundred jobs of each queue are read for it, which a few jobs more do not change.
TIMES_FRESH_S = 4.0


@dataclass(frozen=True)
class QueueJobs:
    """What goes on in one queue: a sample of what is in it, and what ended last."""

    queue: str
    now: JobSample
    finished: tuple[FinishedJob, ...]


@dataclass(frozen=True)
class Context:
    """The settings, the pool of connections to Postgres and the connection to Redis of this process."""

    settings: Settings
    database: Database
    redis: Redis

    @cached_property
    def poller(self) -> Poller:
        """The one reader of this process; whoever composes the process starts and stops it."""
        return Poller(Reader(self.settings, self.database, self.redis))

    @cached_property
    def embedder(self) -> Embedder:
        """The active embedding model, for searches; nothing is loaded before the first. Raises Misconfigured."""
        return make_embedder(self.settings)

    @cached_property
    def open_logins(self) -> OpenLogins:
        """The sessions that this process has seen."""
        return OpenLogins(self.database)

    @cached_property
    def job_samples(self) -> Shared[tuple[JobSample, ...]]:
        """Some of the jobs of each queue. Raises RedisUnavailable."""
        return Shared(self._sample_jobs, fresh_s=EVERY_S)

    @cached_property
    def job_times(self) -> Shared[tuple[JobTimes, ...]]:
        """How long the jobs of each queue waited and ran. Raises RedisUnavailable."""
        return Shared(self._time_jobs, fresh_s=TIMES_FRESH_S)

    async def _time_jobs(self) -> tuple[JobTimes, ...]:
        return tuple([await listing.times(self.redis, queue) for queue in QUEUES])

    async def _sample_jobs(self) -> tuple[JobSample, ...]:
        return tuple([await listing.sample(self.redis, queue, SAMPLED) for queue in QUEUES])

    @cached_property
    def jobs(self) -> Shared[tuple[QueueJobs, ...]]:
        """The jobs of each queue as a page of their own shows them. Raises RedisUnavailable."""
        return Shared(self._list_jobs, fresh_s=EVERY_S)

    async def _list_jobs(self) -> tuple[QueueJobs, ...]:
        return tuple(
            [
                QueueJobs(queue, await listing.sample(self.redis, queue), await listing.finished(self.redis, queue))
                for queue in QUEUES
            ]
        )

    async def close(self) -> None:
        """Ends what the properties have opened; the servers' own connections belong to whoever made them."""
        if "embedder" in vars(self):
            await self.embedder.close()


_contexts: list[Context] = []


def set_context(context: Context) -> None:
    """Makes `context` the one that `context()` returns from now on."""
    _contexts[:] = [context]


def context() -> Context:
    """The context of this process. Raises RuntimeError before `set_context`, which is a mistake of the program."""
    if not _contexts:
        raise RuntimeError("The dashboard has no context yet: set_context() is called when it starts.")
    return _contexts[0]

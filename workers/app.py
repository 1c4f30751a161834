"""The composition root of a worker process: the broker with every task on it, and what the tasks share."""

from collections.abc import Mapping

from taskiq import TaskiqEvents, TaskiqState, async_shared_broker

# Registers the tasks.
import workers.tasks  # noqa: F401
from core.config import Settings
from core.db import Database
from workers.broker import Broker
from workers.leases import fence
from workers.runtime import Runtime

# Embeddings of a long article are some megabytes in one statement.
_STATEMENT_TIMEOUT_S = 30.0


def make_broker(settings: Settings, slots: int) -> Broker:
    """A broker that runs up to `slots` jobs at once. To be made in the process that it works in."""
    database = Database(
        settings.database(),
        application="worker",
        owner_url=settings.admin_database(),
        statement_timeout=_STATEMENT_TIMEOUT_S,
        # Each job has at most one transaction open; failures are recorded beside them.
        pool_size=slots + 1,
        before_commit=fence,
    )
    broker = Broker(settings.redis(), database=database, slots=slots, limits=queue_limits(slots))
    async_shared_broker.default_broker(broker)

    async def start(state: TaskiqState) -> None:
        state.runtime = await Runtime.open(settings, database, broker.redis)

    async def stop(state: TaskiqState) -> None:
        await state.runtime.close()

    broker.add_event_handler(TaskiqEvents.WORKER_STARTUP, start)
    broker.add_event_handler(TaskiqEvents.WORKER_SHUTDOWN, stop)
    return broker


def queue_limits(slots: int) -> Mapping[str, int]:
    """How many jobs of each queue one process runs at once: no queue can take all slots from the others.

    With a single slot they take turns.
    """
    return {
        # Waits for other people's servers, up to 20 seconds each.
        "crawl": max(1, slots * 3 // 4),
        "embed": max(1, slots * 3 // 4),
        # Waits for a model.
        "summarise": max(1, slots // 2),
        # Rebuilding an index takes an hour; what is done to failed jobs meanwhile must not wait for it.
        "ops": min(2, slots),
    }

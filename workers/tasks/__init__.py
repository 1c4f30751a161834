"""The tasks: one-liners over core.

A module of this package says what may be sent:

    from taskiq import async_shared_broker as broker
    from workers.runtime import InRuntime

    @broker.task(task_name="crawl_feed", queue_name="crawl", timeout=60)
    async def crawl_feed(feed_id: uuid.UUID, runtime: InRuntime) -> None: ...

and is imported here, which puts it on the broker of workers.app. `timeout` is in seconds. A task may run more than once
(delivery is at least once), so it must be idempotent. It raises WillNotHeal for what no retry can change, RetryLater to
name the time of the next attempt, and anything else to be tried again after 1, 2 and 4 seconds. A transaction through
`runtime.database` commits only while the job is still this worker's; before any other effect that must not happen
twice, ask `workers.leases.still_mine`.
"""

from workers.tasks import crawl, embed, failed_jobs, operation, summarise

__all__ = ["crawl", "embed", "failed_jobs", "operation", "summarise"]

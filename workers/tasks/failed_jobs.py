"""What is done to failed jobs in the background."""

import uuid

from taskiq import async_shared_broker as broker

from core.failed_jobs.run import run
from workers.runtime import InRuntime

# Seconds until the slot is given back; the scheduler sends an unfinished action again and again.
PATIENCE_S = 30.0


@broker.task(task_name="run_failed_jobs_action", queue_name="ops", timeout=120)
async def run_failed_jobs_action(action_id: uuid.UUID, runtime: InRuntime) -> None:
    await run(runtime.database, runtime.redis, action_id, patience=PATIENCE_S)

"""What has to be looked at again and again: what nobody has in hand, what nobody approved, when to measure."""

import datetime as dt

from core.db import Database
from core.queries import index_measurements, operations, server, vector_index
from core.queues import Job
from core.queues import run_operation as job
from core.queues.jobs import measure_index

# Nightly, near enough: and once after every build, since that measures, too.
MEASURE_EVERY = dt.timedelta(hours=24)


async def jobs_to_send(database: Database) -> tuple[Job, ...]:
    """Approved operations, and those whose worker is gone."""
    async with database.session() as session:
        return tuple(job(operation_id) for operation_id in await operations.to_run(session))


async def measurement_due(database: Database) -> Job | None:
    """The job that measures the index, when the last measurement of it is a day old or there is none."""
    async with database.session() as session:
        serving = (await vector_index.read(session)).serving
        if serving is None:
            return None
        last = await index_measurements.latest(session, serving.name, serving.mark)
        now = await server.now(session)
    return measure_index() if last is None or now - last.at > MEASURE_EVERY else None


async def expire(database: Database) -> None:
    """Ends plans that nobody approved in time."""
    async with database.session() as session:
        await operations.expire(session)

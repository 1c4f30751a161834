"""Operations on the infrastructure, looking after the vector index, and the map of what is in it."""

import secrets
import uuid

import structlog
from taskiq import async_shared_broker as broker

from core.errors import Conflict
from core.indexes import map as article_map
from core.indexes.measure import measure
from core.operations.kind import World
from core.operations.run import run_operation as run
from core.operations.running import runner_name
from workers.runtime import InRuntime

log = structlog.get_logger(__name__)

# An index over millions of rows takes hours to build. A worker that stops meanwhile hands the operation to another.
LONGEST_S = 48 * 3600
# One pass over all vectors and some thousand searches: bounded in core.indexes.recall.
MEASURED_WITHIN_S = 900


@broker.task(task_name="run_operation", queue_name="ops", timeout=LONGEST_S)
async def run_operation(operation_id: uuid.UUID, runtime: InRuntime) -> None:
    world = World(runtime.settings, runtime.database, runtime.redis)
    await run(world, operation_id, runner_name())


@broker.task(task_name="measure_index", queue_name="ops", timeout=MEASURED_WITHIN_S)
async def measure_index(runtime: InRuntime) -> None:
    model = runtime.settings.active_embedding_model
    try:
        await measure(runtime.database, model, reason="measured", seed=secrets.randbits(32))
    except Conflict as error:
        # No failure: it is looked again in a few minutes, until there is something to measure.
        log.info("nothing was measured", reason=str(error))


@broker.task(task_name="draw_map", queue_name="ops", timeout=60)
async def draw_map(runtime: InRuntime) -> None:
    await article_map.draw(runtime.database, runtime.redis, runtime.settings.active_embedding_model)

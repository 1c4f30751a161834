"""One instant of the whole system: what was read, the verdict on it, and what needs a person.

Web, API and command line all show a Snapshot, so that they never contradict each other.
"""

import datetime as dt
import time
from collections.abc import Sequence
from dataclasses import dataclass

from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession

from core import attention, health, queues
from core.attention import Attention
from core.db import Database
from core.errors import RedisUnavailable
from core.health import Health
from core.queries import samples, server, vector_index
from core.readings import Reader, Readings


@dataclass(frozen=True)
class Snapshot:
    at: dt.datetime
    readings: Readings
    health: Health
    attention: Sequence[Attention]


async def take(reader: Reader) -> Snapshot:
    """Reads everything (within a second, whatever is broken) and judges it."""
    readings = await reader.read()
    at = readings.database.tried_at
    verdict = health.judge(readings, at)
    return Snapshot(at, readings, verdict, attention.find(readings, verdict))


async def take_sample(database: Database, redis: Redis, now: dt.datetime) -> None:
    """Stores one tick of history. What Redis cannot tell is left out: the chart shows a gap, which is the truth.

    Raises DatabaseUnavailable when there is nowhere to store it.
    """
    try:
        values = await _values(redis, now)
    except RedisUnavailable:
        values = {}
    async with database.session() as session:
        started = time.perf_counter()
        await server.revision(session)
        values["latency_ms.database"] = (time.perf_counter() - started) * 1000
        values |= await _index_values(session)
        await samples.store(session, now, values)


async def _index_values(session: AsyncSession) -> dict[str, float]:
    """Of the vector index: from the catalogue, whose cost does not grow."""
    table = await vector_index.read(session)
    serving = table.serving
    values: dict[str, float] = {"rows.embeddings": table.rows} if table.rows is not None else {}
    return values | ({"size.index": serving.size, "scans.index": serving.scans} if serving else {})


async def _values(redis: Redis, now: dt.datetime) -> dict[str, float]:
    started = time.perf_counter()
    facts = await queues.server_facts(redis)
    values: dict[str, float] = {
        "latency_ms.redis": (time.perf_counter() - started) * 1000,
        "used_memory.redis": facts.used_memory,
    }
    for depth in await queues.depths(redis, now):
        values |= {
            f"waiting.{depth.name}": depth.waiting,
            f"running.{depth.name}": depth.running,
            f"delayed.{depth.name}": depth.delayed,
            f"oldest_s.{depth.name}": depth.oldest_wait_s or 0.0,
            f"done.{depth.name}": depth.done,
            f"failed.{depth.name}": depth.failed,
        }
    beats = await queues.worker_beats(redis)
    return values | {
        "workers": len(beats),
        "busy": sum(beat.busy for beat in beats),
        "slots": sum(beat.slots for beat in beats),
    }

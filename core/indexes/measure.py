"""Measuring the serving index, now and every night, and turning searches to what was found."""

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from core.db import Database
from core.errors import Conflict
from core.indexes import recall
from core.indexes.recall import Measured, Subject
from core.queries import index_measurements, search_tuning, vector_index
from core.queries.index_measurements import Measurement
from core.queries.vector_index import VectorIndex

T = TypeVar("T")


async def measure(database: Database, model: str, *, reason: str, seed: int) -> Measurement:
    """Measures the index that searches use, keeps the result, and turns searches to the setting that reaches what was
    wanted of it; one that a person chose stays.

    Takes seconds, on a large table minutes: one pass over all vectors (bounded, see core.indexes.recall) and a few
    thousand searches. Raises Conflict where there is no index or nothing in it.
    """
    async with database.session() as session:
        index = (await vector_index.read(session)).serving
    if index is None:
        raise Conflict("There is no vector index to measure: every search compares all rows, which is exact.")
    subject = Subject(index.name, index.shape, index.mark)
    value = index.tuning.value if index.tuning else None
    chosen = index.build.setting if index.build else None
    target = recall.target_of(index)
    work = partial(recall.measure, database.url, subject, model, seed=seed, target=target)
    found = await in_thread(partial(work, value=chosen or value, tune=chosen is None))
    if found is None:
        raise Conflict("There is nothing to measure: hardly any article is embedded by the active model yet.")
    if found.used != index.name:
        raise Conflict(f"Postgres did not go through {index.name}, but through {found.used or 'all rows'}.")
    async with database.session() as session:
        await store(session, index, model, found, reason=reason)
        await search_tuning.store(
            session,
            index_name=index.name,
            mark=index.mark,
            setting=index.shape.setting,
            value=found.score.value,
            recall=found.score.recall,
            target=target,
        )
        stored = await index_measurements.latest(session, index.name, index.mark)
    if stored is None:
        raise Conflict("The measurement was removed while it was being stored.")
    return stored


async def store(session: AsyncSession, index: VectorIndex, model: str, found: Measured, *, reason: str) -> None:
    """Keeps a measurement for the trend."""
    score = found.score
    await index_measurements.add(
        session,
        reason=reason,
        index_name=index.name,
        mark=index.mark,
        shape=index.shape.words,
        model=model,
        rows=found.rows,
        size=index.size,
        setting=index.shape.setting,
        value=score.value,
        sample=score.queries,
        recall=score.recall,
        recall_low=score.low,
        recall_high=score.high,
        p50_ms=score.p50_ms,
        p95_ms=score.p95_ms,
        exact_p50_ms=found.exact_p50_ms,
        exact_p95_ms=found.exact_p95_ms,
        seconds=found.seconds,
    )


async def in_thread(work: Callable[[], T]) -> T:
    """Runs `work` in a thread that does not keep the process from ending."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if outcome.cancelled():
            return
        if error is not None:
            outcome.set_exception(error)
        else:
            outcome.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - it is raised where it is awaited
            loop.call_soon_threadsafe(settle, None, error)
        else:
            loop.call_soon_threadsafe(settle, result, None)

    threading.Thread(target=run, name="measure", daemon=True).start()
    return await outcome

"""Everything that is known of the vector index, read in one go: what the page, the API and the command line show."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from core.db import Database
from core.indexes import sizing, versions
from core.indexes.recall import target_of
from core.phrases import counted
from core.queries import (
    embedding_models,
    embeddings,
    index_measurements,
    index_progress,
    invalid_indexes,
    maintenance,
    samples,
    server,
    vector_index,
)
from core.queries.embedding_models import ModelShare
from core.queries.embeddings import Coverage
from core.queries.index_ddl import BUILDING
from core.queries.index_measurements import Measurement
from core.queries.index_progress import BuildProgress
from core.queries.invalid_indexes import InvalidIndex
from core.queries.vector_index import VectorIndex, VectorTable

# What the chart shows.
TREND = dt.timedelta(days=14)
DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Growth:
    """What changed since `since`; None where it was not known then, or was counted anew."""

    since: dt.datetime
    size: int | None
    scans: int | None


@dataclass(frozen=True)
class IndexReport:
    """`advice` is a sentence about what should be done, None for nothing; `needed` and `allowed` are bytes of memory
    for a build as the sizing table has it, and what maintenance_work_mem allows."""

    at: dt.datetime
    table: VectorTable
    coverage: Coverage
    models: Sequence[ModelShare]
    measured: Measurement | None
    trend: Sequence[Measurement]
    growth: Growth | None
    builds: Sequence[BuildProgress]
    invalid: Sequence[InvalidIndex]
    warnings: Sequence[str]
    advice: str | None
    needed: int
    allowed: int


async def read(database: Database, model: str) -> IndexReport:
    """Costs little, and the same at any size. Raises DatabaseUnavailable and SchemaMismatch."""
    async with database.session() as session:
        table = await vector_index.read(session)
        serving = table.serving
        now = await server.now(session)
        facts = await server.facts(session)
        limits = await maintenance.limits(session)
        measured = await index_measurements.latest(session, serving.name, serving.mark) if serving else None
        earlier = await samples.before(session, now - DAY)
        return IndexReport(
            at=now,
            table=table,
            coverage=await embeddings.coverage(session, model),
            models=await embedding_models.read(session),
            measured=measured,
            trend=await index_measurements.over(session, TREND),
            growth=_growth(serving, earlier),
            builds=await index_progress.builds(session),
            invalid=await invalid_indexes.read(session),
            warnings=versions.warnings(facts.pgvector or "0", [index.shape.method for index in table.indexes]),
            advice=advice(table, measured),
            needed=sizing.memory(sizing.band(table.rows or 0).shape, table.rows or 0),
            allowed=limits.maintenance_work_mem,
        )


def _growth(serving: VectorIndex | None, earlier: samples.SamplePoint | None) -> Growth | None:
    if serving is None or earlier is None:
        return None
    size, scans = earlier.values.get("size.index"), earlier.values.get("scans.index")
    grown = None if size is None else serving.size - int(size)
    # A rebuilt index counts from nothing.
    scanned = None if scans is None or serving.scans < scans else serving.scans - int(scans)
    return Growth(earlier.at, grown, scanned)


def advice(table: VectorTable, measured: Measurement | None) -> str | None:
    """What should be done about the index, in a sentence. Pure."""
    rows, index = table.rows or 0, table.serving
    band = sizing.band(rows).words
    if index is None:
        if rows < sizing.WORTH_AN_INDEX:
            return None
        return f"{counted(rows, 'row')} and no index: every search compares them all. The table says {band}."
    built_on = index.build.rows if index.build else None
    if sizing.outgrown(rows, index.shape, built_on):
        built = f" on {built_on:,} rows" if built_on else ""
        return f"{index.name} was built{built} as {index.shape.words}; there are {rows:,} now ({band})."
    if measured is not None and measured.recall < (wanted := target_of(index)):
        at = "at the setting that was chosen" if index.build and index.build.setting else "at the best setting"
        return f"Recall@10 is {measured.recall:.2f} {at}, and {wanted:g} is wanted."
    return None


def state_of(index: VectorIndex, table: VectorTable) -> tuple[str, str]:
    """How an index is, as a tone (ok, warn, bad, mute) and words. Pure."""
    if not index.valid:
        return "bad", "invalid, left by a build that was cut short"
    if index.name == BUILDING:
        return "mute", "new, not in use yet"
    if index is not table.serving:
        return "mute", "not used by searches"
    if sizing.outgrown(table.rows or 0, index.shape, index.build.rows if index.build else None):
        return "warn", "outgrown"
    return "ok", "serves"

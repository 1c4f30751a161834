"""The vector indexes on the embeddings, and the table below them, as the catalogue and the statistics know them."""

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from core.indexes.shape import Shape, shape
from core.models import ArticleEmbedding

TABLE = "article_embeddings"
# Searches use the index of this name, or one that somebody else made. Under other names ours come and go.
SERVING = "idx_embeddings_vector"
# The predicate of the indexes that are built here: `chunk_index <> -7` is true of every row, and the number is that of
# the build. A query that says the same is answered from that very index, whatever others there are: so a new index can
# be measured beside the old one before anybody uses it, without hiding the old one, which would take a lock.
_MARK = re.compile(r"^\(?chunk_index <> '?-(\d+)'?(::integer)?\)?$")


@dataclass(frozen=True)
class Build:
    """What is remembered of the build. `rows` and `size` (bytes) are those of then; `setting` is what a person chose
    for searches through it, None: it is found."""

    rows: int
    size: int
    seconds: float
    revision: str | None
    built_at: dt.datetime
    setting: int | None = None


@dataclass(frozen=True)
class Tuning:
    """The setting at which searches through the index find enough: `recall` was reached, `target` was wanted."""

    setting: str
    value: int
    recall: float
    target: float
    tuned_at: dt.datetime


@dataclass(frozen=True)
class VectorIndex:
    """`size` in bytes; `scans`, `hits` and `reads` (blocks) since statistics were last reset.

    `mark` is the number of the build, None for an index that was not built here. `partial`: it has another predicate.
    """

    name: str
    shape: Shape
    opclass: str
    mark: int | None
    partial: bool
    valid: bool
    size: int
    scans: int
    hits: int
    reads: int
    build: Build | None
    tuning: Tuning | None

    @property
    def usable(self) -> bool:
        """Whether the searches of this product can use it."""
        ours = self.mark is None or self.name == SERVING
        return self.valid and not self.partial and ours and self.opclass in {"vector_cosine_ops", "halfvec_cosine_ops"}

    @property
    def cache_hit_rate(self) -> float | None:
        """Of the blocks that scans asked for, the share that was in memory; None before the first."""
        asked = self.hits + self.reads
        return self.hits / asked if asked else None


@dataclass(frozen=True)
class VectorTable:
    """`rows` is the planner's estimate, None before the first ANALYZE; `size` in bytes, TOAST and indexes included."""

    rows: int | None
    dead_rows: int
    size: int
    vectors_size: int
    last_vacuum: dt.datetime | None
    last_analyze: dt.datetime | None
    indexes: tuple[VectorIndex, ...]

    @property
    def serving(self) -> VectorIndex | None:
        """The index that searches use; None: every search compares all rows."""
        return next((index for index in self.indexes if index.usable), None)

    @property
    def invalid(self) -> tuple[VectorIndex, ...]:
        return tuple(index for index in self.indexes if not index.valid)


async def read(session: AsyncSession) -> VectorTable:
    """Costs the same at any size: it reads the catalogue, never the table."""
    table = (await session.execute(text(_TABLE), {"table": TABLE})).mappings().one()
    rows = await session.execute(text(_INDEXES), {"table": TABLE, "serving": SERVING})
    return VectorTable(**dict(table), indexes=tuple(_index(row) for row in rows.mappings()))


async def count(session: AsyncSession) -> int:
    """Counts the rows one by one."""
    found: int = (await session.execute(select(func.count()).select_from(ArticleEmbedding))).scalar_one()
    return found


async def used_marks(session: AsyncSession) -> int:
    """The highest number that a build ever had; 0 before the first."""
    known: int = (await session.execute(text("select coalesce(max(mark), 0) from index_builds"))).scalar_one()
    present = [index.mark or 0 for index in (await read(session)).indexes]
    return max([known, *present])


def mark(predicate: str | None) -> int | None:
    """The number in the predicate of an index that was built here."""
    found = _MARK.match(predicate or "")
    return int(found[1]) if found else None


def _index(row: Mapping[Any, Any]) -> VectorIndex:
    options = {name: int(value) for name, _, value in (option.partition("=") for option in row["options"])}
    number = mark(row["predicate"])
    built = row["built_at"] is not None
    tuned = row["value"] is not None
    return VectorIndex(
        name=row["name"],
        shape=shape(row["method"], options, halfvec=row["opclass"].startswith("halfvec")),
        opclass=row["opclass"],
        mark=number,
        partial=row["predicate"] is not None and number is None,
        valid=row["valid"],
        size=row["size"],
        scans=row["scans"],
        hits=row["hits"],
        reads=row["reads"],
        build=Build(row["rows"], row["built_size"], row["seconds"], row["revision"], row["built_at"], row["chosen"])
        if built
        else None,
        tuning=Tuning(row["setting"], row["value"], row["recall"], row["target"], row["tuned_at"]) if tuned else None,
    )


# Rows as the planner counts them: density at the last ANALYZE, times the pages of now.
_TABLE = """
    select case when c.reltuples < 0 then null
                when c.relpages = 0 then coalesce(s.n_live_tup, 0)
                else round(c.reltuples / c.relpages * (pg_relation_size(c.oid) / current_setting('block_size')::int))
           end::bigint as rows,
           coalesce(s.n_dead_tup, 0) as dead_rows,
           pg_total_relation_size(c.oid) as size,
           pg_table_size(c.oid) as vectors_size,
           greatest(s.last_vacuum, s.last_autovacuum) as last_vacuum,
           greatest(s.last_analyze, s.last_autoanalyze) as last_analyze
      from pg_class c left join pg_stat_user_tables s on s.relid = c.oid
     where c.oid = to_regclass(:table)
"""
_INDEXES = """
    with found as (
        select c.relname::text as name, am.amname as method, coalesce(c.reloptions, '{}') as options,
               o.opcname as opclass, pg_get_expr(i.indpred, i.indrelid) as predicate, i.indisvalid as valid,
               pg_relation_size(c.oid) as size, coalesce(s.idx_scan, 0) as scans,
               coalesce(io.idx_blks_hit, 0) as hits, coalesce(io.idx_blks_read, 0) as reads
          from pg_index i
          join pg_class c on c.oid = i.indexrelid
          join pg_am am on am.oid = c.relam and am.amname in ('ivfflat', 'hnsw')
          join pg_opclass o on o.oid = i.indclass[0]
          left join pg_stat_user_indexes s on s.indexrelid = c.oid
          left join pg_statio_user_indexes io on io.indexrelid = c.oid
         where i.indrelid = to_regclass(:table)
    )
    select f.*, b.rows, b.size as built_size, b.seconds, b.revision, b.built_at,
           (o.parameters ->> 'setting')::int as chosen,
           t.setting, t.value, t.recall, t.target, t.tuned_at
      from found f
      left join index_builds b on b.mark = substring(f.predicate from '-(\\d+)')::int
      left join operations o on o.id = b.operation_id
      left join search_tuning t
        on t.index_name = f.name and t.mark is not distinct from substring(f.predicate from '-(\\d+)')::int
     order by f.valid desc, f.name <> :serving, f.name
"""

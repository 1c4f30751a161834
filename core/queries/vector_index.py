"""The vector index that search uses, as the catalogue knows it."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True)
class VectorIndex:
    """`size` in bytes; `scans` since statistics were last reset; `options` like `lists=100`."""

    name: str
    method: str
    options: str
    valid: bool
    size: int
    scans: int


@dataclass(frozen=True)
class VectorTable:
    """`rows` is the planner's estimate (pg_class.reltuples), None before the first ANALYZE; `size` in bytes."""

    rows: int | None
    size: int
    indexes: tuple[VectorIndex, ...]


async def read(session: AsyncSession) -> VectorTable:
    """Costs the same at any size: it reads the catalogue, never the table."""
    table = (
        await session.execute(
            text(
                """
                select nullif(c.reltuples, -1)::bigint, pg_total_relation_size(c.oid)
                  from pg_class c where c.oid = to_regclass('article_embeddings')
                """
            )
        )
    ).one_or_none()
    indexes = await session.execute(
        text(
            """
            select c.relname, am.amname, coalesce(array_to_string(c.reloptions, ', '), ''),
                   i.indisvalid, pg_relation_size(c.oid), coalesce(s.idx_scan, 0)
              from pg_index i
              join pg_class c on c.oid = i.indexrelid
              join pg_am am on am.oid = c.relam and am.amname in ('ivfflat', 'hnsw')
              left join pg_stat_user_indexes s on s.indexrelid = c.oid
             where i.indrelid = to_regclass('article_embeddings')
             order by i.indisvalid desc, c.relname
            """
        )
    )
    rows, size = table or (None, 0)
    return VectorTable(rows, size, tuple(VectorIndex(*row) for row in indexes))

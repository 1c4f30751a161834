"""How large the tables are, as far as it matters for a lock on them."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True)
class TableSize:
    """`rows` is the planner's estimate, `size` in bytes, indexes included."""

    name: str
    rows: int
    size: int


async def read(session: AsyncSession) -> Mapping[str, TableSize]:
    """Every table of our schema, by name. Reads the catalogue only."""
    rows = await session.execute(
        text(
            """
            select c.relname::text as name, pg_total_relation_size(c.oid) as size,
                   greatest(c.reltuples, coalesce(s.n_live_tup, 0), 0)::bigint as rows
              from pg_class c left join pg_stat_user_tables s on s.relid = c.oid
             where c.relkind in ('r', 'p') and c.relnamespace = current_schema()::regnamespace
            """
        )
    )
    return {row["name"]: TableSize(**row) for row in rows.mappings()}


async def of_indexes(session: AsyncSession) -> Mapping[str, str]:
    """The table of each index of our schema."""
    rows = await session.execute(
        text(
            """
            select i.relname::text, t.relname::text
              from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class t on t.oid = x.indrelid
             where i.relnamespace = current_schema()::regnamespace
            """
        )
    )
    return dict(rows.all())

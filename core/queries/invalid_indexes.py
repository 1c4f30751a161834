"""Indexes that a concurrent build left half made."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True)
class InvalidIndex:
    """`size` in bytes. `definition` is the statement that would make it."""

    name: str
    table: str
    size: int
    definition: str


async def read(session: AsyncSession) -> tuple[InvalidIndex, ...]:
    """Those in our schema that nobody is building just now."""
    rows = await session.execute(
        text(
            """
            select c.relname::text as name, t.relname::text as "table", pg_relation_size(c.oid) as size,
                   pg_get_indexdef(c.oid) as definition
              from pg_index i
              join pg_class c on c.oid = i.indexrelid
              join pg_class t on t.oid = i.indrelid
             where not i.indisvalid and c.relkind = 'i' and c.relnamespace = current_schema()::regnamespace
               -- A build that is under way holds this lock from its beginning to its end; so does autovacuum.
               and not exists (
                 select from pg_locks l join pg_stat_activity a on a.pid = l.pid
                  where l.relation = i.indrelid and l.mode = 'ShareUpdateExclusiveLock' and l.granted
                    and a.backend_type = 'client backend'
               )
             order by c.relname
            """
        )
    )
    return tuple(InvalidIndex(**row) for row in rows.mappings())

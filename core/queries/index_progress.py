"""Index builds that are under way, as Postgres reports them."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from core.queries.vector_index import TABLE


@dataclass(frozen=True)
class BuildProgress:
    """One build. `name` is None until the index is in the catalogue; counts are 0 where a phase has none."""

    pid: int
    application: str
    name: str | None
    command: str
    phase: str
    blocks_done: int
    blocks_total: int
    tuples_done: int
    tuples_total: int
    lockers_done: int
    lockers_total: int
    started_at: dt.datetime


async def builds(session: AsyncSession) -> tuple[BuildProgress, ...]:
    """Those on the table of embeddings, also those that somebody else began."""
    rows = await session.execute(
        text(
            """
            select p.pid, coalesce(a.application_name, '') as application, c.relname::text as name, p.command, p.phase,
                   coalesce(p.blocks_done, 0) as blocks_done, coalesce(p.blocks_total, 0) as blocks_total,
                   coalesce(p.tuples_done, 0) as tuples_done, coalesce(p.tuples_total, 0) as tuples_total,
                   coalesce(p.lockers_done, 0) as lockers_done, coalesce(p.lockers_total, 0) as lockers_total,
                   coalesce(a.query_start, now()) as started_at
              from pg_stat_progress_create_index p
              left join pg_class c on c.oid = p.index_relid
              left join pg_stat_activity a on a.pid = p.pid
             where p.relid = to_regclass(:table)
             order by started_at
            """
        ),
        {"table": TABLE},
    )
    return tuple(BuildProgress(**row) for row in rows.mappings())

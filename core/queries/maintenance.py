"""What Postgres allows a build to take, and the short statements around it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from core.indexes.shape import Shape
from core.queries import index_ddl, search_tuning
from core.queries.vector_index import SERVING, VectorTable
from core.queries.vector_index import read as read_table


@dataclass(frozen=True)
class Limits:
    """`maintenance_work_mem` in bytes; `data_directory` is None for a role that may not know it."""

    maintenance_work_mem: int
    parallel_workers: int
    data_directory: str | None
    shared_memory: str


async def limits(session: AsyncSession) -> Limits:
    row = await session.execute(
        text(
            """
            select pg_size_bytes(current_setting('maintenance_work_mem')) as maintenance_work_mem,
                   current_setting('max_parallel_maintenance_workers')::int as parallel_workers,
                   case when pg_has_role('pg_read_all_settings', 'usage')
                        then current_setting('data_directory') end as data_directory,
                   current_setting('dynamic_shared_memory_type') as shared_memory
            """
        )
    )
    return Limits(**row.mappings().one())


async def swap(
    session: AsyncSession, mark: int, *, shape: Shape, value: int, recall: float, target: float
) -> str | None:
    """Puts the index with `mark` in the place of the one that serves, with its tuning, in one short transaction.

    Returns the name under which the other one is to be dropped; None: there was none. Doing so again changes nothing.
    A rename takes a lock that keeps nobody from reading or writing.
    """
    await session.execute(text("set local lock_timeout = '2s'"))
    table = await read_table(session)
    present = table.serving
    if present is None or present.mark != mark:
        if present is not None and present.name == SERVING:
            await session.execute(text(index_ddl.rename(SERVING, index_ddl.RETIRED)))
        await session.execute(text(index_ddl.rename(index_ddl.BUILDING, SERVING)))
    await search_tuning.store(
        session, index_name=SERVING, mark=mark, setting=shape.setting, value=value, recall=recall, target=target
    )
    return _to_drop(table, mark)


def _to_drop(table: VectorTable, mark: int) -> str | None:
    names: Mapping[str, Any] = {index.name: index for index in table.indexes}
    if index_ddl.RETIRED in names:
        return index_ddl.RETIRED
    serving = table.serving
    if serving is None or serving.mark == mark:
        return None
    return index_ddl.RETIRED if serving.name == SERVING else serving.name

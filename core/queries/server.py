"""Facts about Postgres itself."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True)
class DatabaseFacts:
    """`pgvector` is None where the extension is not installed."""

    version: str
    pgvector: str | None
    connections: int
    max_connections: int


async def facts(session: AsyncSession) -> DatabaseFacts:
    row = await session.execute(
        text(
            """
            select split_part(current_setting('server_version'), ' ', 1),
                   (select extversion from pg_extension where extname = 'vector'),
                   (select count(*) from pg_stat_activity where backend_type = 'client backend'),
                   current_setting('max_connections')::int
            """
        )
    )
    return DatabaseFacts(*row.one())


async def now(session: AsyncSession) -> dt.datetime:
    """The time by the clock of Postgres."""
    found: dt.datetime = (await session.execute(text("select clock_timestamp()"))).scalar_one()
    return found


async def revision(session: AsyncSession) -> str | None:
    """The revision that the schema is at; None before the first migration."""
    exists = await session.scalar(text("select to_regclass('alembic_version')"))
    if exists is None:
        return None
    found: str | None = await session.scalar(text("select version_num from alembic_version"))
    return found

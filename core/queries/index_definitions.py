"""The statements that would build the indexes that there are."""

from collections.abc import Mapping

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


async def of_valid(session: AsyncSession) -> Mapping[str, str]:
    """By the name of each valid index of our schema: the statement that builds it beside what runs."""
    rows = await session.execute(
        text(
            """
            select c.relname::text,
                   regexp_replace(pg_get_indexdef(c.oid), '^CREATE( UNIQUE)? INDEX ', 'CREATE\\1 INDEX CONCURRENTLY ')
              from pg_index i join pg_class c on c.oid = i.indexrelid
             where i.indisvalid and c.relnamespace = current_schema()::regnamespace
            """
        )
    )
    return dict(rows.all())

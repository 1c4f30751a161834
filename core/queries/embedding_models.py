"""Which models made the stored embeddings."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True)
class ModelShare:
    """`share` of the rows, 0 to 1, as the last ANALYZE saw it."""

    model: str
    share: float


async def read(session: AsyncSession) -> tuple[ModelShare, ...]:
    """The largest first, out of the planner's statistics: counting would read every row. Empty before an ANALYZE."""
    rows = await session.execute(
        text(
            """
            select m.model, m.share
              from pg_stats s
              cross join unnest(s.most_common_vals::text::text[], s.most_common_freqs) as m (model, share)
             where s.schemaname = current_schema() and s.tablename = 'article_embeddings' and s.attname = 'model'
             order by m.share desc
            """
        )
    )
    return tuple(ModelShare(row[0], float(row[1])) for row in rows)

"""The index that searches go through, with the setting that was found for it."""

from dataclasses import dataclass
from typing import Any

from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import ColumnElement, cast, literal_column, text, true
from sqlalchemy.ext.asyncio import AsyncSession

from core.models import DIMENSIONS, ArticleEmbedding
from core.queries.vector_index import SERVING, TABLE


@dataclass(frozen=True)
class Serving:
    """`mark` is the number of its build, None for an index that was not built here; `halfvec`: what it holds."""

    mark: int | None
    halfvec: bool

    def distance(self, vector: Any) -> ColumnElement[float]:
        """Cosine distance, as the index knows it."""
        column = cast(ArticleEmbedding.embedding, HALFVEC(DIMENSIONS)) if self.halfvec else ArticleEmbedding.embedding
        distance: ColumnElement[float] = column.cosine_distance(vector)
        return distance

    @property
    def condition(self) -> ColumnElement[bool]:
        """True of every row; with it, the planner takes this index and no other that was built here.

        The number is part of the text: as a parameter it would be unknown to a plan that is kept.
        """
        return (
            true() if self.mark is None else literal_column(f"{TABLE}.chunk_index") != literal_column(f"-{self.mark}")
        )


EXACT = Serving(mark=None, halfvec=False)


async def use(session: AsyncSession, limit: int) -> Serving:
    """Sets what a search of `limit` rows needs, for this transaction, and says how to ask. EXACT where no index is.

    The tuned probes or ef_search (never below `limit`); where nothing was tuned, the square root of lists and 40, as
    pgvector's README advises. Iterative scans (pgvector 0.8) go on until enough rows pass the filters.
    """
    row = (await session.execute(text(_USE), {"limit": limit, "table": TABLE, "serving": SERVING})).one_or_none()
    return EXACT if row is None else Serving(row[0], row[1])


# One round trip, on the way of every search.
_USE = """
    with serving as (
        select c.relname, am.amname as method, o.opcname like 'halfvec%' as halfvec,
               substring(pg_get_expr(i.indpred, i.indrelid) from '-(\\d+)')::int as mark,
               (select option_value::int from pg_options_to_table(c.reloptions) where option_name = 'lists') as lists
          from pg_index i
          join pg_class c on c.oid = i.indexrelid
          join pg_am am on am.oid = c.relam
          join pg_opclass o on o.oid = i.indclass[0] and o.opcname in ('vector_cosine_ops', 'halfvec_cosine_ops')
         where i.indrelid = to_regclass(:table) and i.indisvalid and am.amname in ('hnsw', 'ivfflat')
           and (i.indpred is null or c.relname = :serving)
         order by c.relname <> :serving, c.relname
         limit 1
    )
    select s.mark, s.halfvec,
           case when string_to_array(regexp_replace(e.extversion, '[^0-9.]', '', 'g'), '.')::int[] >= '{0,8}'
                then set_config(s.method || '.iterative_scan', 'relaxed_order', true) end,
           case when s.method = 'ivfflat'
                then set_config('ivfflat.probes', coalesce(t.value, ceil(sqrt(coalesce(s.lists, 100))))::text, true)
                else set_config('hnsw.ef_search', least(1000, greatest(coalesce(t.value, 40), :limit))::text, true) end
      from serving s
      join pg_extension e on e.extname = 'vector'
      left join search_tuning t on t.index_name = s.relname and t.mark is not distinct from s.mark
"""

"""What is known of the vector indexes, and that a search goes through the one that is meant."""

import datetime as dt
import uuid

import numpy as np
import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from core.db import Database
from core.indexes.shape import Shape
from core.queries import embeddings, index_ddl, serving_index, vector_index
from core.queries.vector_index import SERVING

LISTS = Shape("ivfflat", lists=4)


@pytest.fixture
def vectors(database_url: str) -> np.ndarray:
    """300 articles of one chunk each, in the database; shape (300, 1536)."""
    rng = np.random.default_rng(7)
    found = rng.normal(size=(300, 1536)).astype(np.float32)
    with psycopg.connect(database_url) as connection:
        feed = uuid.uuid4()
        connection.execute("insert into feeds (id, url) values (%s, 'http://example.org/feed')", (feed,))
        for number, vector in enumerate(found):
            article = uuid.uuid4()
            connection.execute(
                "insert into articles (id, feed_id, guid, content_hash, embedding_model) values (%s, %s, %s, '', 'm')",
                (article, feed, str(number)),
            )
            connection.execute(
                "insert into article_embeddings (article_id, chunk_index, content, embedding, model)"
                " values (%s, 0, %s, %s, 'm')",
                (article, str(number), str(vector.tolist())),
            )
    return found


def run(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)  # type: ignore[arg-type]


async def used(database: Database, vector: np.ndarray) -> list[str]:
    """The names of the vector indexes that a search of the product goes through."""
    async with database.session() as session:
        # 300 rows are fewer than an index is worth, and this is not about that.
        await session.execute(text("set local enable_sort = off"))
        before = await _scans(session)
        await embeddings.nearest(session, vector, model="m", limit=5)
        return [name for name, scans in (await _scans(session)).items() if scans > before[name]]


async def _scans(session: AsyncSession) -> dict[str, int]:
    """What this connection has scanned and not yet reported."""
    rows = await session.execute(
        text(
            "select c.relname, pg_stat_get_xact_numscans(c.oid) from pg_class c join pg_am am on am.oid = c.relam"
            " where am.amname in ('ivfflat', 'hnsw')"
        )
    )
    return dict(rows.all())


async def test_an_index_that_is_being_built_beside_the_old_one_is_not_used_before_the_swap(
    database: Database, database_url: str, vectors: np.ndarray
) -> None:
    run(database_url, index_ddl.create(LISTS, 1, SERVING), index_ddl.create(Shape("hnsw", m=8, ef_construction=32), 2))
    assert await used(database, vectors[0]) == [SERVING]
    run(
        database_url,
        index_ddl.rename(SERVING, index_ddl.RETIRED),
        index_ddl.rename(index_ddl.BUILDING, SERVING),
    )
    assert await used(database, vectors[0]) == [SERVING]
    async with database.session() as session:
        serving = (await vector_index.read(session)).serving
        assert serving is not None
        assert serving.mark == 2
        assert serving.shape == Shape("hnsw", m=8, ef_construction=32)


async def test_an_index_that_somebody_made_by_hand_is_used_while_there_is_none_of_ours(
    database: Database, database_url: str, vectors: np.ndarray
) -> None:
    assert await used(database, vectors[0]) == []
    run(
        database_url,
        "create index by_hand on article_embeddings using ivfflat (embedding vector_cosine_ops) with (lists = 3)",
        index_ddl.create(LISTS, 9),
    )
    assert await used(database, vectors[0]) == ["by_hand"]


async def test_a_halfvec_index_is_searched_with_half_precision(
    database: Database, database_url: str, vectors: np.ndarray
) -> None:
    run(database_url, index_ddl.create(Shape("hnsw", m=8, ef_construction=32, halfvec=True), 3, SERVING))
    assert await used(database, vectors[5]) == [SERVING]
    async with database.session() as session:
        found = await embeddings.nearest(session, vectors[5], model="m", limit=3)
    assert found[0].chunk == "5"


async def test_the_setting_that_was_tuned_for_this_very_build_is_used(
    database: Database, database_url: str, vectors: np.ndarray
) -> None:
    run(
        database_url,
        index_ddl.create(LISTS, 4, SERVING),
        f"insert into search_tuning values ('{SERVING}', 4, 'ivfflat.probes', 3, 0.97, 0.95, now())",
    )
    async with database.session() as session:
        assert await serving_index.use(session, 10) == serving_index.Serving(4, halfvec=False)
        assert await session.scalar(text("show ivfflat.probes")) == "3"
    run(database_url, "update search_tuning set mark = 3")
    async with database.session() as session:
        await serving_index.use(session, 10)
        assert await session.scalar(text("show ivfflat.probes")) == "2"


async def test_what_the_catalogue_says_of_an_index_is_read_whole(
    database: Database, database_url: str, vectors: np.ndarray
) -> None:
    built = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    run(
        database_url,
        index_ddl.create(LISTS, 12, SERVING),
        "insert into index_builds (mark, method, options, halfvec, rows, size, seconds, revision, built_at)"
        f" values (12, 'ivfflat', '{{\"lists\": 4}}', false, 290, 8192, 1.5, '0003', '{built.isoformat()}')",
        "create index odd on article_embeddings using hnsw (embedding vector_l2_ops) where model = 'm'",
        index_ddl.analyze(),
    )
    async with database.session() as session:
        table = await vector_index.read(session)
        assert await vector_index.used_marks(session) == 12
        assert await vector_index.count(session) == 300
    assert table.rows == 300
    ours, odd = table.indexes
    assert (ours.name, ours.mark, ours.shape, ours.usable) == (SERVING, 12, LISTS, True)
    assert ours.build is not None
    assert (ours.build.rows, ours.build.built_at) == (290, built)
    assert (odd.name, odd.mark, odd.partial, odd.usable) == ("odd", None, True, False)

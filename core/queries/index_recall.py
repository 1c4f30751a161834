"""What measuring an index asks of Postgres: a sample, the exact answers, and those that the index gives.

Synchronous, on a connection of its own: callers keep it off the event loop. Vectors travel as bytes, not as text.
"""

import json
import uuid
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from pgvector import Vector
from pgvector.psycopg import register_vector
from psycopg import IsolationLevel

from core.db import plain, translated
from core.models import DIMENSIONS
from core.queries.vector_index import TABLE

Vectors = NDArray[np.float32]
Connection = psycopg.Connection[tuple[Any, ...]]

# Rows of one block of the pass over all vectors: 12 MB, and a multiplication that lasts milliseconds.
BLOCK = 2_000
# A row of `copy (select id, embedding) to stdout binary`: every field has a fixed width.
_RECORD = np.dtype(
    [
        ("fields", ">i2"),
        ("id_length", ">i4"),
        ("id", "V16"),
        ("vector_length", ">i4"),
        ("dimensions", ">i2"),
        ("unused", ">i2"),
        ("vector", ">f4", (DIMENSIONS,)),
    ]
)
_HEADER = 19  # signature, flags, length of the extension


@dataclass(frozen=True)
class Sampled:
    """Vectors that are used as queries: shape (n, DIMENSIONS), and whose they are."""

    ids: tuple[uuid.UUID, ...]
    vectors: Vectors


@dataclass(frozen=True)
class Found:
    """What a query found, nearest first: ids, and their true cosine distances."""

    ids: tuple[uuid.UUID, ...]
    distances: tuple[float, ...]


@contextmanager
def snapshot(url: str, *, statement_timeout: float) -> Iterator[Connection]:
    """A connection that sees one instant until it closes: the answers that are compared are of the same rows."""
    limits = f"-c statement_timeout={int(statement_timeout * 1000)} -c lock_timeout=5000"
    with (
        translated(),
        psycopg.connect(
            plain(url), connect_timeout=3, application_name="signalist-recall", options=limits, prepare_threshold=None
        ) as connection,
    ):
        register_vector(connection)
        connection.commit()
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        yield connection


def count(connection: Connection, model: str, cap: int) -> int:
    """Vectors of `model`; counting stops at `cap`."""
    query = "select count(*) from (select from article_embeddings where model = %s limit %s) as counted"
    found: int = _one(connection, query, (model, cap))
    return found


def sample(connection: Connection, model: str, pivots: Sequence[uuid.UUID], *, near: int) -> Sampled:
    """The row next to each of `pivots` in the order of ids, if one of the `near` next ones is of that model. Ids are
    random, so random pivots give a random sample, and it costs one look into the primary key for each, however many
    rows there are."""
    query = """
        select distinct on (e.id) e.id, vector_send(e.embedding)
          from unnest(%s::uuid[]) as pivot
          cross join lateral (
            select id, embedding
              from (select id, embedding, model from article_embeddings where id >= pivot order by id limit %s) as next
             where model = %s order by id limit 1
          ) e
    """
    rows = connection.execute(query, (list(pivots), near, model), binary=True).fetchall()
    vectors = np.array([np.frombuffer(row[1], ">f4", offset=4) for row in rows], dtype=np.float32)
    return Sampled(tuple(row[0] for row in rows), vectors.reshape(-1, DIMENSIONS))


def every_vector(connection: Connection, model: str) -> Generator[Vectors, None, None]:
    """All vectors of `model` in one pass, in blocks of shape (up to BLOCK, DIMENSIONS)."""
    query = "copy (select id, embedding from article_embeddings where model = %s) to stdout (format binary)"
    pending = bytearray()
    skipped = False
    with connection.cursor().copy(query, (model,)) as copy:
        for piece in copy:
            pending += piece
            if not skipped and len(pending) >= _HEADER:
                del pending[:_HEADER]
                skipped = True
            whole = len(pending) // _RECORD.itemsize
            if whole >= BLOCK:
                yield _vectors(pending, whole)
    whole = len(pending) // _RECORD.itemsize
    if whole:
        yield _vectors(pending, whole)


def _vectors(pending: bytearray, rows: int) -> Vectors:
    end = rows * _RECORD.itemsize
    records = np.frombuffer(bytes(pending[:end]), _RECORD)
    del pending[:end]
    return records["vector"].astype(np.float32)


def exact(connection: Connection, model: str, vector: Vectors, limit: int) -> Found:
    """The nearest by comparing every row, whatever indexes there are."""
    query = """
        select id, embedding <=> %(vector)b as distance from article_embeddings
         where model = %(model)s order by distance limit %(limit)s
    """
    connection.execute("set local enable_indexscan = off")
    rows = connection.execute(query, _parameters(model, vector, limit)).fetchall()
    connection.execute("set local enable_indexscan = on")
    return _found(rows)


def nearest(
    connection: Connection, mark: int | None, *, halfvec: bool, model: str, vector: Vectors, limit: int
) -> Found:
    """The nearest as an index knows them: the one with `mark`, or where that is None whichever the planner takes."""
    query = _nearest(mark, halfvec=halfvec)
    return _found(connection.execute(query, _parameters(model, vector, limit)).fetchall())


def index_used(
    connection: Connection, mark: int | None, *, halfvec: bool, model: str, vector: Vectors, limit: int
) -> str | None:
    """The index that `nearest` goes through, as EXPLAIN says; None for a scan of all rows."""
    query = f"explain (format json) {_nearest(mark, halfvec=halfvec)}"
    plan = _one(connection, query, _parameters(model, vector, limit))
    return _index_name((plan if isinstance(plan, list) else json.loads(plan))[0]["Plan"])


def turn(connection: Connection, setting: str, value: int) -> None:
    """Sets probes or ef_search for this connection."""
    connection.execute("select set_config(%s, %s, false)", (setting, str(value)))


def search_as_the_product_does(connection: Connection, method: str) -> None:
    """Iterative scans, where pgvector has them; and indexes of the other method are made to look expensive.

    The planner cannot be told to leave out an index that was not built here. EXPLAIN then says whether it did.
    """
    other, highest = ("hnsw.ef_search", 1000) if method == "ivfflat" else ("ivfflat.probes", 32_768)
    turn(connection, other, highest)
    connection.execute(
        """
        select set_config(%s || '.iterative_scan', 'relaxed_order', false) from pg_extension
         where extname = 'vector'
           and string_to_array(regexp_replace(extversion, '[^0-9.]', '', 'g'), '.')::int[] >= '{0,8}'
        """,
        (method,),
    )


def _nearest(mark: int | None, *, halfvec: bool) -> str:
    left, right = ("embedding", "%(vector)b::vector")
    if halfvec:
        left, right = f"embedding::halfvec({DIMENSIONS})", f"%(vector)b::vector::halfvec({DIMENSIONS})"
    marked = "" if mark is None else f"and chunk_index <> -{mark}"
    return f"""
        select id, embedding <=> %(vector)b::vector from {TABLE}
         where model = %(model)s {marked} order by {left} <=> {right} limit %(limit)s
    """  # noqa: S608 - numbers of ours


def _parameters(model: str, vector: Vectors, limit: int) -> dict[str, Any]:
    return {"model": model, "vector": Vector(vector), "limit": limit}


def _found(rows: Sequence[tuple[Any, ...]]) -> Found:
    return Found(tuple(row[0] for row in rows), tuple(row[1] for row in rows))


def _index_name(node: dict[str, Any]) -> str | None:
    names = [node.get("Index Name"), *(_index_name(child) for child in node.get("Plans", []))]
    return next((name for name in names if name), None)


def _one(connection: Connection, query: str, parameters: Any) -> Any:
    row = connection.execute(query, parameters).fetchone()
    return row[0] if row else None

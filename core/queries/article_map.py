"""Articles with the vectors of their beginnings, for the map. Synchronous: callers keep it off the event loop."""

import datetime as dt
import uuid
from dataclasses import dataclass

import numpy as np
import psycopg
from numpy.typing import NDArray

from core.db import plain, translated
from core.models import DIMENSIONS


@dataclass(frozen=True)
class Placed:
    """An article that has a vector."""

    id: uuid.UUID
    title: str
    feed: str
    sort_at: dt.datetime


@dataclass(frozen=True)
class Field:
    """`vectors` is float32, a row for each of `articles`."""

    articles: tuple[Placed, ...]
    vectors: NDArray[np.float32]


def newest(url: str, model: str, limit: int) -> Field:
    """The newest articles that `model` has embedded, each with the vector of its first chunk; as bytes, not as text.

    Raises DatabaseUnavailable and QueryTimeout.
    """
    query = """
        select a.id, a.title, f.title, a.sort_at, vector_send(e.embedding)
          from (
            select id, title, feed_id, sort_at from articles
             where embedding_model = %s order by sort_at desc, id desc limit %s
          ) a
          join article_embeddings e on e.article_id = a.id and e.chunk_index = 0 and e.model = %s
          join feeds f on f.id = a.feed_id
    """
    options = "-c statement_timeout=10000"
    with (
        translated(),
        psycopg.connect(plain(url), connect_timeout=3, application_name="signalist-map", options=options) as connection,
    ):
        rows = connection.execute(query, (model, limit, model), binary=True).fetchall()
    vectors = np.array([np.frombuffer(row[4], ">f4", offset=4) for row in rows], dtype=np.float32)
    return Field(tuple(Placed(*row[:4]) for row in rows), vectors.reshape(-1, DIMENSIONS))

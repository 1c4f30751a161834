"""Embeddings to build an index on, and the world that operations change."""

import struct
import uuid
from collections.abc import AsyncIterator, Callable

import numpy as np
import psycopg
import pytest

from core import queues
from core.config import Settings
from core.db import Database
from core.operations.kind import World

MODEL = "wordllama-256"
Fill = Callable[[int], None]


@pytest.fixture
async def world(database: Database, redis_url: str) -> AsyncIterator[World]:
    """Postgres, Redis and the settings, as a worker has them."""
    redis = queues.connect(redis_url)
    yield World(Settings(), database, redis)
    await redis.aclose()


@pytest.fixture
def fill(database_url: str) -> Fill:
    """`fill(rows)` adds that many articles of one chunk each, with vectors in clusters, as those of texts are."""

    def add(rows: int) -> None:
        with psycopg.connect(database_url) as connection:
            put(connection, clustered(rows, seed=rows))

    return add


def clustered(rows: int, seed: int) -> np.ndarray:
    """Vectors of 1,536 dimensions around 40 centres, spread in 24 directions only: neighbours are worth the name."""
    rng = np.random.default_rng(seed)
    directions = np.random.default_rng(0).normal(size=(24, 1536)).astype(np.float32)
    centres = np.random.default_rng(1).normal(size=(40, 24)).astype(np.float32)
    places = centres[rng.integers(0, 40, rows)] + 0.5 * rng.normal(size=(rows, 24)).astype(np.float32)
    return places @ directions


def put(connection: psycopg.Connection, vectors: np.ndarray) -> None:
    """COPY BINARY: a thousand rows in the blink of an eye."""
    feed = uuid.uuid4()
    connection.execute("insert into feeds (id, url) values (%s, %s)", (feed, f"http://example.org/{feed}"))
    ids = [uuid.uuid4() for _ in vectors]
    articles = "copy articles (id, feed_id, guid, title, content_hash, embedding_model) from stdin"
    with connection.cursor().copy(articles) as copy:
        for number, article in enumerate(ids):
            copy.write_row((article, feed, str(number), f"Article {number}", "", MODEL))
    columns = "article_embeddings (article_id, chunk_index, content, embedding, model)"
    with connection.cursor().copy(f"copy {columns} from stdin (format binary)") as copy:
        copy.write(b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0))
        for article, vector in zip(ids, vectors.astype(">f4"), strict=True):
            raw = vector.tobytes()
            copy.write(
                struct.pack(">hi16siiii", 5, 16, article.bytes, 4, 0, 5, 0)[:-4]
                + b"words"
                + struct.pack(">ihh", len(raw) + 4, len(vector), 0)
                + raw
                + struct.pack(">i", len(MODEL))
                + MODEL.encode()
            )
        copy.write(b"\xff\xff")

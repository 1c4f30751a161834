"""Rebuilding the vector index under readers and writers, beside the same CREATE INDEX typed by hand.

Vectors of 1,536 dimensions in clusters of low dimension, as those of texts are: on uniform noise every index looks bad.
"""

import asyncio
import struct
import tempfile
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psycopg

from bench.ground import percentile, running, servers, table
from core import queues
from core.access import on_this_machine
from core.config import Settings
from core.db import Database
from core.indexes.rebuild_plan import shape_of
from core.operations import planning
from core.operations.approve import approve
from core.operations.cancel import cancel
from core.operations.kind import World
from core.operations.states import ENDED, State
from core.queries import embeddings, index_ddl
from core.queries.operations import OperationRow

ROWS = 100_000
CLUSTERS, DIRECTIONS, SPREAD = 500, 32, 0.5
BATCH = 2_000
ME = on_this_machine("bench")
SHAPES = (
    ("IVFFlat", {"method": "ivfflat", "lists": 1000}),
    ("to HNSW", {"method": "hnsw", "m": 16, "ef_construction": 64}),
    ("and back", {"method": "ivfflat", "lists": 1000}),
)


@dataclass
class Load:
    """Milliseconds of every read and write, and what went wrong with them."""

    reads: list[float] = field(default_factory=list)
    writes: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def fill(url: str, model: str) -> np.ndarray:
    """ROWS articles of one chunk each, by COPY BINARY; returns some of the vectors, to search for."""
    rng = np.random.default_rng(11)
    directions = rng.normal(size=(DIRECTIONS, 1536)).astype(np.float32)
    centres = rng.normal(size=(CLUSTERS, DIRECTIONS)).astype(np.float32)
    feed, some = uuid.uuid4(), []
    with psycopg.connect(url) as connection:
        connection.execute("insert into feeds (id, url) values (%s, 'http://bench/')", (feed,))
        ids = [uuid.UUID(bytes=rng.bytes(16), version=4) for _ in range(ROWS)]
        columns = "(id, feed_id, guid, content_hash, embedding_model, summary_model)"
        with connection.cursor().copy(f"copy articles {columns} from stdin") as copy:
            for number, article in enumerate(ids):
                copy.write_row((article, feed, str(number), "", model, "extractive"))
        columns = "(article_id, chunk_index, content, embedding, model)"
        with connection.cursor().copy(f"copy article_embeddings {columns} from stdin (format binary)") as copy:
            copy.write(b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0))
            for start in range(0, ROWS, BATCH):
                places = centres[rng.integers(0, CLUSTERS, BATCH)]
                places += SPREAD * rng.normal(size=(BATCH, DIRECTIONS)).astype(np.float32)
                vectors = (places @ directions).astype(np.float32)
                some.append(vectors[:5])
                for article, vector in zip(ids[start : start + BATCH], vectors.astype(">f4"), strict=True):
                    copy.write(_row(article, vector.tobytes(), model.encode()))
            copy.write(b"\xff\xff")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("vacuum analyze")
    return np.concatenate(some)


def _row(article: uuid.UUID, vector: bytes, model: bytes) -> bytes:
    return b"".join(
        (
            struct.pack(">hi", 5, 16), article.bytes, struct.pack(">ii", 4, 0), struct.pack(">i", 5), b"words",
            struct.pack(">ihh", len(vector) + 4, 1536, 0), vector, struct.pack(">i", len(model)), model,
        )
    )  # fmt: skip


@asynccontextmanager
async def under_load(world: World, vectors: np.ndarray) -> AsyncIterator[Load]:
    """A reader that searches as the product does, and a writer that replaces embeddings, without a pause."""
    load, done = Load(), asyncio.Event()

    async def read() -> None:
        number = 0
        while not done.is_set():
            started = time.perf_counter()
            try:
                async with world.database.session() as session:
                    vector = vectors[number % len(vectors)]
                    found = await embeddings.nearest(session, vector, model=world.model, limit=10)
                if len(found) < 10:
                    load.errors.append(f"{len(found)} of 10 found")
            except Exception as error:  # noqa: BLE001 - counted, and printed
                load.errors.append(str(error))
            load.reads.append((time.perf_counter() - started) * 1000)
            number += 1
            await asyncio.sleep(0.02)

    async def write() -> None:
        connection = await psycopg.AsyncConnection.connect(world.database.url, autocommit=True)
        async with connection:
            while not done.is_set():
                started = time.perf_counter()
                try:
                    await connection.execute(
                        "update article_embeddings set embedding = embedding, created_at = now() where id ="
                        " (select id from article_embeddings where id >= gen_random_uuid() order by id limit 1)"
                    )
                except psycopg.Error as error:
                    load.errors.append(str(error))
                load.writes.append((time.perf_counter() - started) * 1000)
                await asyncio.sleep(0.02)

    others = [asyncio.create_task(read()), asyncio.create_task(write())]
    yield load
    done.set()
    await asyncio.gather(*others)


async def by_hand(world: World, row: OperationRow) -> float:
    """Seconds of the statement of that plan, typed on an idle session; the index is dropped again."""
    parameters = row.parameters
    async with await psycopg.AsyncConnection.connect(world.database.url, autocommit=True) as connection:
        for setting in index_ddl.build_settings(parameters["memory_mb"] * 1024, parameters["workers"]):
            await connection.execute(setting.encode())
        started = time.monotonic()
        await connection.execute(index_ddl.create(shape_of(parameters), 999, "typed_by_hand").encode())
        seconds = time.monotonic() - started
        await connection.execute(index_ddl.drop("typed_by_hand").encode())
    return seconds


async def until_ended(world: World, row: OperationRow) -> OperationRow:
    while (row := await planning.get(world, row.id)).state not in ENDED:  # noqa: ASYNC110 - another process does it
        await asyncio.sleep(0.5)
    return row


async def measure(environment: dict[str, str]) -> None:
    settings = Settings(openai_api_key=None)
    database = Database(environment["DATABASE_URL"], application="bench", statement_timeout=60.0)
    redis = queues.connect(environment["REDIS_URL"])
    world = World(settings, database, redis)
    vectors = await asyncio.to_thread(fill, database.url, world.model)
    rows = [
        ("rebuild", "build s", "by hand s", "ratio", "whole s", "recall before → after", "p95 ms", "longest stall ms")
    ]
    for name, asked in SHAPES:
        row = await planning.plan(world, ME, "cli", "rebuild index", asked)
        async with under_load(world, vectors) as typed_load:
            typed = await by_hand(world, row)
        async with under_load(world, vectors) as load:
            await approve(world, ME, "cli", row.id, read_hash=row.plan_hash)
            row = await until_ended(world, row)
        if row.state is not State.DONE or load.errors or row.started_at is None or row.ended_at is None:
            raise RuntimeError(f"{name}: {row.state.value}, {row.outcome}, {load.errors[:3]}")
        rows.append(_said(name, row, typed, load, typed_load))
    table(f"Index of {ROWS:,} × 1,536 rebuilt while a reader and a writer run", rows)
    await _cancelled(world, vectors)
    await redis.aclose()
    await database.close()


def _said(name: str, row: OperationRow, typed: float, load: Load, typed_load: Load) -> tuple[str, ...]:
    before, after, built = row.result.get("before"), row.result["after"], row.result["build_s"]
    whole = (row.ended_at - row.started_at).total_seconds() if row.ended_at and row.started_at else 0.0
    recall = f"{before['recall']:.3f} → {after['recall']:.3f}" if before else f"exact → {after['recall']:.3f}"
    speed = f"{before['p95_ms']:.1f} → {after['p95_ms']:.1f}" if before else f"{after['p95_ms']:.1f}"
    stalls = f"read {max(load.reads):.0f} (p95 {percentile(load.reads, 0.95):.0f}), write {max(load.writes):.0f}"
    by_hand_stalls = f"by hand: read {max(typed_load.reads):.0f}, write {max(typed_load.writes):.0f}"
    return (
        name, f"{built:.1f}", f"{typed:.1f}", f"{built / typed:.2f}", f"{whole:.1f}", recall, speed,
        f"{stalls}; {by_hand_stalls}",
    )  # fmt: skip


async def _cancelled(world: World, vectors: np.ndarray) -> None:
    """How long it takes to stop a build, and to leave nothing of it."""
    row = await planning.plan(world, ME, "cli", "rebuild index", {"method": "hnsw"})
    async with under_load(world, vectors) as load:
        await approve(world, ME, "cli", row.id, read_hash=row.plan_hash)
        while (await planning.get(world, row.id)).step != "Build":  # noqa: ASYNC110 - another process does it
            await asyncio.sleep(0.2)
        await asyncio.sleep(3)
        started = time.monotonic()
        await cancel(world, ME, "cli", row.id)
        row = await until_ended(world, row)
    seconds = time.monotonic() - started
    stall = max([*load.reads, *load.writes])
    print(f"  A build that is cancelled: {row.state.value} within {seconds:.1f} s, longest stall {stall:.0f} ms.")


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        servers(Path(folder)) as environment,
        running(["-m", "dashboard.cli", "worker"], environment),
    ):
        asyncio.run(measure(environment))


if __name__ == "__main__":
    main()

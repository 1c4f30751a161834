"""What there is to choose from, each with what it takes and why one would take it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from core.indexes import rebuild_plan, sizing
from core.indexes.shape import DEFAULT_EF_CONSTRUCTION, DEFAULT_M, Shape
from core.phrases import duration
from core.queries import index_builds, vector_index
from core.queries.index_builds import EarlierBuild

# What each number is for, and what it costs. From pgvector's README, sections "IVFFlat" and "HNSW".
WHY: Mapping[str, str] = {
    "lists": "more: faster searches, more memory and time to build",
    "m": "more: better recall, larger, slower to build",
    "ef_construction": "more: better recall, slower to build",
    "setting": "empty: the lowest that reaches the recall, found anew each night",
    "memory_mb": "for this build only",
    "target": "what the new index has to reach before it serves",
    "p95_ms": "or half an exact search, whichever is more",
}


@dataclass(frozen=True)
class Choice:
    """A shape with bytes of memory to build it, bytes on disk, and the seconds it takes; `known`: from a build here."""

    shape: Shape
    memory: int
    disk: int
    seconds: float
    known: bool
    why: str


def time_words(choice: Choice) -> str:
    """`about 4 min`, from a build here; else `very roughly 4 min`."""
    return ("about " if choice.known else "very roughly ") + duration(choice.seconds)


async def read(session: AsyncSession) -> tuple[Choice, ...]:
    """For the rows that there are, the one of the sizing table first. Costs little."""
    rows = (await vector_index.read(session)).rows or await vector_index.count(session)
    shapes = _shapes(rows)
    earlier = [await index_builds.earlier(session, shape) for shape, _ in shapes]
    return weigh(rows, shapes, earlier)


def weigh(rows: int, shapes: Sequence[tuple[Shape, str]], earlier: Sequence[EarlierBuild | None]) -> tuple[Choice, ...]:
    """Pure."""
    return tuple(
        Choice(
            shape,
            sizing.memory(shape, rows),
            sizing.size(shape, rows),
            rebuild_plan.expected(shape, rows, build),
            build is not None,
            why,
        )
        for (shape, why), build in zip(shapes, earlier, strict=True)
    )


def _shapes(rows: int) -> tuple[tuple[Shape, str], ...]:
    band = sizing.band(rows)
    fits = f"as the sizing table has it, {band.words.partition(':')[0]}"
    flat = Shape("ivfflat", lists=band.shape.lists or math.isqrt(rows))
    graph = Shape("hnsw", m=DEFAULT_M, ef_construction=DEFAULT_EF_CONSTRUCTION)
    half = "half the memory and disk; distances are rounded"
    if band.shape.method == "hnsw":
        others = ((flat, "builds fast and small; each search compares more rows"),)
    else:
        others = ((graph, "fast searches at a high recall, also as rows are added; large, and slow to build"),)
    halves = tuple((Shape(**{**vars(shape), "halfvec": True}), half) for shape in (band.shape, others[0][0]))
    return ((band.shape, fits), *others, *halves)

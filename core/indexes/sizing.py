"""Which index fits how many rows, and what it takes to build it. Pure; every number names its source."""

import math
from dataclasses import dataclass

from core.indexes.shape import DEFAULT_EF_CONSTRUCTION, DEFAULT_M, Shape
from core.models import DIMENSIONS

# Below this an exact scan answers within about 40 ms (bench/search measures 4 ms for each 1,000 rows of 1,536
# dimensions), and IVFFlat would choose its centres from fewer rows than it wants to sample (10,000, ivfbuild.c).
WORTH_AN_INDEX = 10_000
SMALL, LARGE = 100_000, 1_000_000
# Rows have to leave the band by this much before a change is proposed, so that a table on the edge is left alone.
SLACK = 1.1
# IVFFlat's centres are those of the rows that were there at the build. pgvector's README asks for a rebuild when the
# distribution has changed; at three times the rows, two thirds of them had no say in it.
OUTGROWN = 3.0

MB = 2**20
# struct vector: 8 bytes and 4 a dimension; struct halfvec: 2 a dimension (vector.h, halfvec.h).
_HEADER, _FLOAT, _HALF = 8, 4, 2
_PAGE = 8192 - 24 - 8 - 4  # of a page, what a tuple can have: without header, special space and line pointer


@dataclass(frozen=True)
class Band:
    """A row of the sizing table; rows from `above` up to `below`, in words."""

    shape: Shape
    words: str


def band(rows: int) -> Band:
    """The table of the design: IVFFlat with 100 lists below 100 k rows, with 1000 up to 1 M, HNSW above."""
    if rows < SMALL:
        return Band(Shape("ivfflat", lists=100), "under 100 k rows: IVFFlat, lists 100")
    if rows <= LARGE:
        return Band(Shape("ivfflat", lists=1000), "100 k to 1 M rows: IVFFlat, lists 1000")
    return Band(
        Shape("hnsw", m=DEFAULT_M, ef_construction=DEFAULT_EF_CONSTRUCTION),
        f"above 1 M rows: HNSW, m {DEFAULT_M}, ef_construction {DEFAULT_EF_CONSTRUCTION}",
    )


def left_its_band(rows: int, present: Shape) -> bool:
    """Whether the table asks for a larger index than `present`, with some slack.

    What a person chose on purpose is not argued with: only shapes that stand in the table are compared, and one that is
    made for more rows than there are is left alone.
    """
    table = [band(edge).shape for edge in (1, SMALL, LARGE + 1)]
    kinds = [(shape.method, shape.lists) for shape in table]
    wanted = band(int(rows / SLACK)).shape
    chosen = (present.method, present.lists)
    return chosen in kinds and kinds.index(chosen) < kinds.index((wanted.method, wanted.lists))


def outgrown(rows: int, present: Shape, built_on: int | None) -> bool:
    """Whether the index was made for far fewer rows: for another band, or with centres that most rows had no say in."""
    grown = present.method == "ivfflat" and built_on is not None and rows > OUTGROWN * max(built_on, 1)
    return left_its_band(rows, present) or grown


def probes_to_start_with(shape: Shape) -> int:
    """Where the search for the best setting starts: the square root of lists (pgvector's README), or ef_search 40."""
    return math.ceil(math.sqrt(shape.lists or 100)) if shape.method == "ivfflat" else 40


def memory(shape: Shape, rows: int, dimensions: int = DIMENSIONS) -> int:
    """Bytes of maintenance_work_mem that a build wants.

    IVFFlat fails with less, HNSW goes on far more slowly. Measured for 1,536 dimensions: lists 100 → 65 MB,
    300 → 111, 500 → 204, 1000 → 506, 2000 → 1,401.
    """
    return (
        _ivfflat_memory(shape, rows, dimensions) if shape.method == "ivfflat" else _hnsw_memory(shape, rows, dimensions)
    )


def _item(shape: Shape, dimensions: int) -> int:
    return -(-(_HEADER + (_HALF if shape.halfvec else _FLOAT) * dimensions) // 8) * 8


def _ivfflat_memory(shape: Shape, rows: int, dimensions: int) -> int:
    # ElkanKmeans in ivfkmeans.c: samples, centres twice, their sums, a lower bound for each pair of sample and centre,
    # half the distance between any two centres, and a few numbers for each.
    lists = shape.lists or 100
    # ComputeCenters in ivfbuild.c: 50 samples a list, 10,000 at least, and not more than there are rows.
    samples = max(1, min(max(50 * lists, 10_000), rows))
    item = _item(shape, dimensions)
    return (
        samples * item
        + 2 * lists * item
        + 4 * (lists * dimensions + samples * lists + lists * lists + 2 * samples + 3 * lists)
    )


def _hnsw_memory(shape: Shape, rows: int, dimensions: int) -> int:
    # HnswElementData, HnswNeighborArray and HnswCandidate in hnsw.h: the element, its value, 2 m neighbours of 16 bytes
    # on the ground layer and m on each layer above, of which a row has 1 / (m - 1) on average.
    m = shape.m or DEFAULT_M
    element = 136
    ground, above = 16 + 2 * m * 16, (16 + m * 16) / (m - 1)
    return round(rows * (element + _item(shape, dimensions) + ground + above + 8))


def size(shape: Shape, rows: int, dimensions: int = DIMENSIONS) -> int:
    """Bytes on disk of a fresh index: whole pages, since a tuple never crosses from one to another."""
    item = _item(shape, dimensions) + 8
    if shape.method == "ivfflat":
        lists = shape.lists or 100
        # Each list begins a page of its own and ends one half full, on average.
        pages = rows / max(1, _PAGE // (item + 4)) + lists / 2 + lists / max(1, _PAGE // (item + 16))
        return math.ceil(pages) * 8192
    m = shape.m or DEFAULT_M
    # HNSW_ELEMENT_TUPLE_SIZE and HNSW_NEIGHBOR_TUPLE_SIZE: both of a row on one page, if they fit.
    element, neighbours = item + 72, 8 + 6 * m * (2 + 1 / (m - 1))
    return math.ceil(rows / max(1, _PAGE // (element + neighbours + 8))) * 8192


def least(shape: Shape) -> int:
    """The smallest value worth trying: one list, or pgvector's default ef_search, below which nothing is saved."""
    return 1 if shape.method == "ivfflat" else 40


def most(shape: Shape) -> int:
    """The largest value that the query-time setting can take: every list, or pgvector's own limit of 1000."""
    return shape.lists or 100 if shape.method == "ivfflat" else 1000


def problem(shape: Shape, dimensions: int = DIMENSIONS) -> str | None:
    """Why pgvector would not build that, as a sentence; None when it would."""
    if shape.method == "ivfflat" and not 1 <= (shape.lists or 0) <= 32_768:
        return "IVFFlat takes 1 to 32,768 lists."
    if shape.method == "hnsw":
        m, ef = shape.m or 0, shape.ef_construction or 0
        if not 2 <= m <= 100:
            return "HNSW takes an m of 2 to 100."
        if not 4 <= ef <= 1000:
            return "HNSW takes an ef_construction of 4 to 1,000."
        if ef < 2 * m:
            return "HNSW takes an ef_construction of at least twice m."
    # HNSW_MAX_DIM and IVFFLAT_MAX_DIM, and twice that for halfvec.
    limit = 4000 if shape.halfvec else 2000
    if dimensions > limit:
        return f"{'halfvec' if shape.halfvec else 'vector'} indexes go up to {limit:,} dimensions."
    return None

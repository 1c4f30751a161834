"""What a plan warns of before anybody approves it."""

import dataclasses

import pytest

from core.indexes import rebuild_plan
from core.indexes.room import Room
from core.indexes.shape import Shape
from core.operations.plan import Explored

GB = 2**30
FLAT, GRAPH = Shape("ivfflat", lists=1000), Shape("hnsw", m=16, ef_construction=64)


def dangers(shape: Shape, *, rows: int, memory_mb: int, disk: int | None = None, memory: int | None = None) -> str:
    parameters = {
        **dataclasses.asdict(shape),
        "memory_mb": memory_mb,
        "workers": 0,
        "target": 0.95,
        "p95_ms": 25.0,
        "setting": None,
        "mark": 1,
    }
    unknown = dict.fromkeys(("serving_name", "serving_size", "built_on"))
    seen = {**unknown, "rows": rows, "disk": disk, "memory": memory, "seconds": 1.0, "known": False}
    explored = Explored({"index": None, "left over": [], "band": ""}, seen)
    plan = rebuild_plan.plan(parameters, explored)
    return "; ".join(f"{danger.severity}: {danger.text}" for danger in plan.dangers)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (dangers(FLAT, rows=400_000, memory_mb=1_000, disk=99 * GB, memory=4 * GB), ""),
        (dangers(GRAPH, rows=400_000, memory_mb=4_000), ""),
        (dangers(FLAT, rows=400_000, memory_mb=100), "danger: pgvector refuses to build this with less than"),
        (dangers(FLAT, rows=400_000, memory_mb=1_000, disk=GB), "danger: the disk has 1.0 GB left"),
        (dangers(FLAT, rows=5_000, memory_mb=1_000), "warning: 5,000 rows are few for 1000 lists"),
        (dangers(GRAPH, rows=400_000, memory_mb=1_000, memory=9 * GB), "warning: the graph takes"),
        (
            dangers(GRAPH, rows=400_000, memory_mb=9_000, memory=GB),
            "danger: the build takes 2.5 GB of memory, and 1.0 GB",
        ),
        (dangers(GRAPH, rows=100, memory_mb=9_000, memory=GB), ""),
    ],
)
def test_what_would_go_wrong_is_said_in_the_plan(said: str, expected: str) -> None:
    assert said.startswith(expected)
    assert bool(said) is bool(expected)


@pytest.mark.parametrize(("processors", "expected"), [(1, 0), (2, 0), (3, 1), (16, 2), (None, 2)])
def test_a_first_build_leaves_searches_a_processor_as_they_compare_all_rows_meanwhile(
    processors: int | None, expected: int
) -> None:
    free = Room(memory=None, shared_memory=None, disk=None, processors=processors)
    shape = Shape("ivfflat", lists=100)
    assert rebuild_plan.workers(None, 2, shape, 10_000, free, is_first=True) == expected
    assert rebuild_plan.workers(None, 2, shape, 10_000, free, is_first=False) == 2
    assert rebuild_plan.workers(2, 2, shape, 10_000, free, is_first=True) == 2

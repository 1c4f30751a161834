"""What a rebuild of the index will do, word for word. Pure."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from core.errors import BadRequest
from core.indexes import sizing
from core.indexes.room import Room
from core.indexes.shape import DEFAULT_EF_CONSTRUCTION, DEFAULT_M, FOREIGN, TITLE, Shape
from core.operations.plan import Danger, Explored, Parameters, Plan, PlannedStep
from core.phrases import duration, size
from core.queries import index_ddl
from core.queries.index_builds import EarlierBuild
from core.queries.index_ddl import BUILDING, RETIRED
from core.queries.vector_index import SERVING, VectorIndex

# For HNSW on a server that cannot be seen from here: what a machine with 8 GB spares without being asked.
UNSEEN_MEMORY = 2 * 2**30
# Room beside the formula, for what it leaves out.
SPARE = 1.15
# Seconds a row and list, and a row, on two cores: to go by until a build here tells better (bench/index_rebuild).
IVFFLAT_S, HNSW_S = 1.5e-6, 1.0e-3


def plan(parameters: Parameters, explored: Explored) -> Plan:
    """The plan of a rebuild."""
    shape, seen = shape_of(parameters), explored.seen
    needed, wanted = sizing.memory(shape, seen["rows"]), parameters["memory_mb"] * sizing.MB
    old: str | None = seen["serving_name"]
    dropped = RETIRED if old == SERVING else old
    settings = index_ddl.build_settings(parameters["memory_mb"] * 1024, parameters["workers"])
    quick = "none that blocks reads or writes"
    steps = [
        *(
            PlannedStep(f"Drop what was left over: {name}", (index_ddl.drop(name),), quick)
            for name in explored.matters["left over"]
        ),
        PlannedStep(
            "Build the new index beside the old one" if old else "Build the index",
            (*settings, index_ddl.create(shape, parameters["mark"])),
            "SHARE UPDATE EXCLUSIVE on article_embeddings: reads and writes go on; other schema changes wait",
        ),
        PlannedStep("Bring the planner's statistics up to date", (index_ddl.analyze(),), quick),
        PlannedStep(
            "Prove it: measure recall and latency of old and new on the same rows"
            if old
            else "Prove it: measure recall and latency against a search that compares every row"
        ),
        PlannedStep(
            "Swap: searches go through the new index",
            (
                *([index_ddl.rename(SERVING, RETIRED)] if old == SERVING else []),
                index_ddl.rename(BUILDING, SERVING),
            ),
            "SHARE UPDATE EXCLUSIVE on both indexes for milliseconds: reads and writes go on",
        ),
        *([PlannedStep("Drop the old index", (index_ddl.drop(dropped),), quick)] if dropped else []),
    ]
    return Plan(
        title=f"Rebuild {SERVING} as {shape.words}" if old else f"Build {SERVING} as {shape.words}",
        summary=_summary(parameters, explored),
        steps=tuple(steps),
        locks="none that block reads or writes",
        memory=_memory_words(shape, needed, wanted, parameters["workers"]),
        disk=_disk_words(sizing.size(shape, seen["rows"]), seen["disk"], old=old is not None),
        duration=("about " if seen["known"] else "very roughly ") + duration(seen["seconds"]),
        seconds=seen["seconds"],
        verify=(
            f"recall@10 ≥ {parameters['target']:g}, p95 ≤ {parameters['p95_ms']:g} ms or half an exact scan, both at "
            f"{_setting(shape, parameters['setting'])}; valid, the one that EXPLAIN names, database healthy"
        ),
        rollback=(
            "drop the new index; the old one never stops serving"
            if old
            else "drop the new index; searches go on comparing every row"
        ),
        dangers=_dangers(shape, seen, needed, wanted),
    )


def _setting(shape: Shape, chosen: int | None) -> str:
    return f"{shape.setting} {chosen}" if chosen else f"the lowest {shape.setting} that reaches it"


def shape_of(parameters: Parameters) -> Shape:
    return Shape(**{field.name: parameters[field.name] for field in dataclasses.fields(Shape)})


def describe(index: VectorIndex | None) -> dict[str, Any] | None:
    """What identifies a build, for the hash of a plan."""
    return {"name": index.name, "shape": index.shape.words, "build": index.mark} if index else None


def chosen_shape(asked: Parameters, rows: int) -> Shape:
    fits = sizing.band(rows).shape
    method = asked.get("method") or fits.method
    if method not in {"ivfflat", "hnsw"}:
        raise BadRequest("The method is ivfflat or hnsw.")
    for name in FOREIGN[method]:
        if asked.get(name) is not None:
            raise BadRequest(f"{TITLE[method]} has no {name}.")
    halfvec = bool(asked.get("halfvec"))
    if method == "ivfflat":
        # The table has no IVFFlat for more than a million rows: pgvector's README takes the square root there.
        return Shape("ivfflat", lists=int(asked.get("lists") or fits.lists or math.isqrt(rows)), halfvec=halfvec)
    return Shape(
        "hnsw",
        m=int(asked.get("m") or DEFAULT_M),
        ef_construction=int(asked.get("ef_construction") or DEFAULT_EF_CONSTRUCTION),
        halfvec=halfvec,
    )


def memory_mb(shape: Shape, rows: int, present: int, free: Room) -> int:
    needed = max(present, math.ceil(sizing.memory(shape, rows) * SPARE))
    most = free.memory if free.memory is not None else UNSEEN_MEMORY if shape.method == "hnsw" else needed
    if shape.method == "ivfflat" and needed > most:
        raise BadRequest(
            f"{shape.words} needs {size(needed)} of memory to build and {size(most)} can be spared: take fewer lists."
        )
    return max(1, min(needed, most) // sizing.MB)


def workers(asked: Any, allowed: int, shape: Shape, rows: int, free: Room, *, is_first: bool) -> int:
    """`is_first`: no index serves meanwhile, so every search compares all rows, and needs a processor for it."""
    if asked is not None:
        return int(asked)
    if is_first and free.processors is not None:
        # The build has one for itself besides.
        allowed = min(allowed, max(0, free.processors - 2))
    # A parallel HNSW build keeps its graph in shared memory, of which a container often has 64 MB.
    short = free.shared_memory is not None and free.shared_memory < sizing.memory(shape, rows)
    return 0 if shape.method == "hnsw" and short else allowed


def expected(shape: Shape, rows: int, earlier: EarlierBuild | None) -> float:
    if earlier is not None and earlier.rows:
        return max(1.0, earlier.seconds * rows / earlier.rows)
    if shape.method == "ivfflat":
        return max(1.0, rows * IVFFLAT_S * (shape.lists or 100))
    # Each row looks among ef_construction candidates for its neighbours.
    return max(1.0, rows * HNSW_S * (shape.ef_construction or DEFAULT_EF_CONSTRUCTION) / DEFAULT_EF_CONSTRUCTION)


def _summary(parameters: Parameters, explored: Explored) -> str:
    seen, old = explored.seen, explored.matters["index"]
    band = explored.matters["band"]
    if old is None:
        return f"{seen['rows']:,} rows and no index: every search compares them all. The table says {band}."
    built = f"built on {seen['built_on']:,} rows" if seen["built_on"] else "built on nobody knows how many rows"
    return f"{old['name']} is {old['shape']}, {built}; there are {seen['rows']:,} now, and the table says {band}."


def _memory_words(shape: Shape, needed: int, wanted: int, workers: int) -> str:
    parallel = f", {workers} parallel workers" if workers else ", no parallel workers"
    fits = "" if needed <= wanted else "; what does not fit is built on disk, many times slower"
    return f"{size(needed)} needed, maintenance_work_mem set to {size(wanted)} for this build{parallel}{fits}"


def _disk_words(more: int, free: int | None, *, old: bool) -> str:
    until = " more until the old index is dropped" if old else ""
    return f"about {size(more)}{until}, " + (
        f"{size(free)} free" if free is not None else "free space not visible here"
    )


def _dangers(shape: Shape, seen: Mapping[str, Any], needed: int, wanted: int) -> tuple[Danger, ...]:
    found = []
    more = sizing.size(shape, seen["rows"])
    if seen["disk"] is not None and seen["disk"] < 2 * more:
        found.append(
            Danger("danger", f"the disk has {size(seen['disk'])} left, and the index takes about {size(more)}")
        )
    if seen["memory"] is not None and min(needed, wanted) > seen["memory"]:
        takes, spare = size(min(needed, wanted)), size(seen["memory"])
        found.append(Danger("danger", f"the build takes {takes} of memory, and {spare} can be spared here"))
    if shape.method == "ivfflat" and needed > wanted:
        found.append(Danger("danger", f"pgvector refuses to build this with less than {size(needed)} of memory"))
    if shape.method == "hnsw" and needed > wanted:
        found.append(Danger("warning", f"the graph takes {size(needed)}: beyond {size(wanted)} the build slows down"))
    if shape.method == "ivfflat" and seen["rows"] < (shape.lists or 0) * 10:
        found.append(Danger("warning", f"{seen['rows']:,} rows are few for {shape.lists} lists: recall may be poor"))
    return tuple(found)

"""How far a build is, out of what Postgres says about its phases. Pure."""

from core.queries.index_progress import BuildProgress

# Where each phase begins and ends on the way from 0 to 1: shares of the time of builds on 20,000 to 100,000 rows.
# IVFFlat tells nothing while it looks for its centres; HNSW counts blocks of the table all the way.
_SPANS: tuple[tuple[str, float, float], ...] = (
    ("building index: initializing", 0.0, 0.01),
    ("building index: performing k-means", 0.01, 0.35),
    ("building index: assigning tuples", 0.35, 0.75),
    ("waiting for writers before validation", 0.92, 0.92),
    ("index validation: scanning index", 0.92, 0.94),
    ("index validation: sorting tuples", 0.94, 0.94),
    ("index validation: scanning table", 0.94, 0.98),
    ("waiting for old snapshots", 0.98, 0.98),
)
_LOADING = "building index: loading tuples"


def fraction(progress: BuildProgress) -> float | None:
    """0 to 1; None before the build has begun."""
    if progress.phase == _LOADING:
        # The last of three phases for IVFFlat, which knows how many tuples there are; the only one for HNSW.
        begin = 0.75 if progress.tuples_total else 0.01
        return begin + (0.92 - begin) * _within(progress)
    for phase, begin, end in _SPANS:
        if progress.phase == phase:
            return begin + (end - begin) * _within(progress)
    return None


def _within(progress: BuildProgress) -> float:
    if progress.tuples_total:
        return min(1.0, progress.tuples_done / progress.tuples_total)
    return min(1.0, progress.blocks_done / progress.blocks_total) if progress.blocks_total else 0.0


def words(progress: BuildProgress) -> str:
    """`assigning tuples, 41 %`; `waiting for old snapshots, 1 of 3`."""
    phase = progress.phase.removeprefix("building index: ").removeprefix("index ")
    if progress.lockers_total:
        return f"{phase}, {progress.lockers_done} of {progress.lockers_total}"
    if progress.tuples_total or progress.blocks_total:
        return f"{phase}, {_within(progress):.0%}".replace("%", " %")
    return phase

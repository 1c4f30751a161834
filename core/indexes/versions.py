"""What is known to be wrong with a version of pgvector. Pure; from its CHANGELOG."""

import re
from collections.abc import Sequence

# (fixed in, affects, what it does). The newest last.
_KNOWN: Sequence[tuple[tuple[int, int, int], str, str]] = (
    ((0, 7, 0), "any", "has no halfvec"),
    ((0, 8, 0), "any", "has no iterative scans: a search with filters may find too little"),
    ((0, 8, 2), "hnsw", "can overflow a buffer in a parallel HNSW build (CVE-2026-3172)"),
    ((0, 8, 3), "hnsw", "can corrupt an HNSW index while vacuuming"),
    ((0, 8, 4), "ivfflat", "can use more than maintenance_work_mem for an IVFFlat build"),
)


def parse(version: str) -> tuple[int, int, int]:
    """`0.8.5` as numbers; what is missing counts as 0."""
    major, minor, patch = ([int(n) for n in re.findall(r"\d+", version)] + [0, 0, 0])[:3]
    return major, minor, patch


def warnings(version: str, methods: Sequence[str]) -> tuple[str, ...]:
    """Sentences about `version` for a database with indexes of `methods`."""
    found = [
        f"pgvector {version} {what}; {'.'.join(map(str, fixed))} does not."
        for fixed, affects, what in _KNOWN
        if parse(version) < fixed and (affects == "any" or affects in methods)
    ]
    return tuple(found)

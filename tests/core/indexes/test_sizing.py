"""Which index fits, and what it takes: against what pgvector itself was measured to want."""

import pytest

from core.indexes import sizing, versions
from core.indexes.shape import Shape

HNSW = Shape("hnsw", m=16, ef_construction=64)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (0, "IVFFlat, lists 100"),
        (99_999, "IVFFlat, lists 100"),
        (100_000, "IVFFlat, lists 1000"),
        (1_000_000, "IVFFlat, lists 1000"),
        (1_000_001, "HNSW, m 16, ef_construction 64"),
    ],
)
def test_the_table_says_which_index_fits_how_many_rows(rows: int, words: str) -> None:
    assert sizing.band(rows).shape.words == words


@pytest.mark.parametrize(("lists", "megabytes"), [(100, 65), (300, 111), (500, 204), (1000, 506), (2000, 1401)])
def test_the_memory_of_an_ivfflat_build_is_what_pgvector_asks_for(lists: int, megabytes: int) -> None:
    wanted = sizing.memory(Shape("ivfflat", lists=lists), 1_000_000) / sizing.MB
    assert wanted == pytest.approx(megabytes, rel=0.01)


def test_an_hnsw_build_wants_about_seven_kilobytes_a_row() -> None:
    assert sizing.memory(HNSW, 1_000_000) / 1_000_000 == pytest.approx(6_850, rel=0.03)


@pytest.mark.parametrize(
    ("shape", "megabytes"),
    # Built on 20,000 rows of 1,536 dimensions with pgvector 0.8.5.
    [
        (Shape("ivfflat", lists=100), 157.0),
        (HNSW, 156.3),
        (Shape("ivfflat", lists=100, halfvec=True), 78.7),
        (Shape("hnsw", m=16, ef_construction=64, halfvec=True), 78.1),
    ],
)
def test_the_size_on_disk_is_what_such_an_index_has(shape: Shape, megabytes: float) -> None:
    assert sizing.size(shape, 20_000) / sizing.MB == pytest.approx(megabytes, rel=0.01)


def test_a_table_at_the_edge_of_a_band_is_left_alone() -> None:
    small = Shape("ivfflat", lists=100)
    assert not sizing.left_its_band(104_000, small)
    assert sizing.left_its_band(111_000, small)
    assert not sizing.left_its_band(111_000, Shape("ivfflat", lists=1000))


def test_an_index_for_more_rows_than_there_are_is_left_alone() -> None:
    assert not sizing.left_its_band(15_000, HNSW)
    assert not sizing.left_its_band(15_000, Shape("ivfflat", lists=1000))


def test_a_shape_that_a_person_chose_on_purpose_is_not_argued_with() -> None:
    assert not sizing.left_its_band(128_000, Shape("ivfflat", lists=300))


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        (Shape("ivfflat", lists=0), "lists"),
        (Shape("hnsw", m=1, ef_construction=64), "an m of"),
        (Shape("hnsw", m=40, ef_construction=64), "twice m"),
        (Shape("hnsw", m=16, ef_construction=2000), "ef_construction"),
    ],
)
def test_what_pgvector_would_refuse_is_refused_before_it_is_planned(shape: Shape, words: str) -> None:
    assert words in (sizing.problem(shape) or "")


def test_too_many_dimensions_are_for_halfvec() -> None:
    assert sizing.problem(HNSW, 3072) is not None
    assert sizing.problem(Shape("hnsw", m=16, ef_construction=64, halfvec=True), 3072) is None


def test_known_faults_of_a_version_are_named_where_they_matter() -> None:
    assert versions.warnings("0.8.5", ["hnsw", "ivfflat"]) == ()
    assert "CVE-2026-3172" in versions.warnings("0.8.1", ["hnsw"])[0]
    assert len(versions.warnings("0.8.1", [])) == 0
    assert "iterative" in versions.warnings("0.7.4", [])[0]

"""Measuring recall: against answers that are known, and on a real index."""

import uuid
from collections.abc import Callable

import numpy as np
import psycopg
import pytest

from core.db import Database
from core.indexes import measure, recall
from core.indexes.recall import Subject
from core.indexes.shape import Shape
from core.operations.running import Stopped
from core.queries import index_ddl, index_recall, serving_index, vector_index
from core.queries.index_recall import Found
from core.queries.vector_index import SERVING

MODEL = "wordllama-256"


def run(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def test_a_neighbour_counts_when_it_is_as_near_as_the_tenth_whichever_it_is() -> None:
    own, others = uuid.uuid4(), [uuid.uuid4() for _ in range(11)]
    found = Found((own, *others), (0.0, *[0.1] * 8, 0.2, 0.2, 0.9))
    assert recall.hits(found, own, kth=0.2) == 10
    assert recall.hits(found, own, kth=0.1) == 8


def test_the_interval_holds_the_mean_and_is_wider_for_few_queries() -> None:
    few, many = recall.interval([0.9, 1.0] * 5), recall.interval([0.9, 1.0] * 100)
    assert few[0] == pytest.approx(many[0]) == pytest.approx(0.95)
    assert few[1] < many[1] < 0.95 < many[2] < few[2]
    assert recall.interval([1.0] * 50)[1] < 1.0


@pytest.mark.parametrize("wanted", [1, 2, 3, 7, 10, 33, 99])
def test_the_lowest_setting_that_reaches_the_target_is_found(wanted: int) -> None:
    tried: list[int] = []

    def at(value: int) -> float:
        tried.append(value)
        return 1.0 if value >= wanted else 0.5

    found = recall.lowest_that_reaches(0.95, 1, 10, 100, at)
    assert wanted <= found <= wanted + max(1, found // 7)
    assert len(tried) == len(set(tried)) <= 9


def test_where_no_setting_reaches_the_target_the_best_one_is_kept() -> None:
    assert recall.lowest_that_reaches(0.95, 1, 10, 100, lambda value: value / 200) == 100


def test_a_setting_at_which_postgres_prefers_a_full_scan_is_not_taken() -> None:
    assert recall.lowest_that_reaches(0.95, 1, 10, 100, lambda v: None if v > 30 else v / 100) == 20


def test_exact_distances_come_out_of_one_pass_as_out_of_sorting_them_all() -> None:
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(500, 16)).astype(np.float32)
    vectors[17] = 0
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    expected = []
    for i in range(5):
        distances = np.sort(np.delete(1 - unit @ unit[i], [i, 17]))
        expected.append(distances[9])
    blocks = (vectors[start : start + 120] for start in range(0, 500, 120))
    assert recall.nearest_distances(blocks, vectors[:5]) == pytest.approx(np.array(expected), abs=1e-6)


async def test_a_poor_setting_is_found_out_and_searches_are_turned_to_a_better_one(
    database: Database, database_url: str, fill: Callable[[int], None]
) -> None:
    fill(4_000)
    shape = Shape("ivfflat", lists=80)
    run(database_url, index_ddl.create(shape, 1, SERVING), "analyze")
    subject = Subject(SERVING, shape, 1)
    poor = recall.measure(database.url, subject, MODEL, seed=1, value=1, tune=False)
    assert poor is not None
    assert poor.used == SERVING
    assert poor.score.recall < 0.9
    found = await measure.measure(database, MODEL, reason="asked for", seed=1)
    assert found.recall >= 0.95
    assert found.recall_low <= found.recall <= found.recall_high
    assert found.value > 1
    assert found.p95_ms < found.exact_p50_ms
    async with database.session() as session:
        serving = (await vector_index.read(session)).serving
        await serving_index.use(session, 10)
        assert serving is not None
        assert serving.tuning is not None
        assert (serving.tuning.value, serving.tuning.target) == (found.value, 0.95)


async def test_old_and_new_are_told_apart_while_both_are_there(
    database: Database, database_url: str, fill: Callable[[int], None]
) -> None:
    fill(2_000)
    old, new = Shape("ivfflat", lists=20), Shape("ivfflat", lists=20)
    run(database_url, index_ddl.create(old, 1, SERVING), index_ddl.create(new, 2), "analyze")
    for subject in (Subject(SERVING, old, 1), Subject(index_ddl.BUILDING, new, 2)):
        found = recall.measure(database.url, subject, MODEL, seed=1, size=40)
        assert found is not None
        assert found.used == subject.name


def test_the_sample_is_the_same_for_the_same_seed_and_has_no_row_twice(
    database_url: str, fill: Callable[[int], None]
) -> None:
    fill(300)
    with index_recall.snapshot(database_url, statement_timeout=10) as connection:
        pivots = [uuid.UUID(int=i << 120) for i in range(0, 256, 2)]
        sampled = index_recall.sample(connection, MODEL, pivots, near=1)
        again = index_recall.sample(connection, MODEL, pivots, near=1)
        every = np.concatenate(list(index_recall.every_vector(connection, MODEL)))
        exact = index_recall.exact(connection, MODEL, sampled.vectors[0], 3)
    assert sampled.ids == again.ids
    assert len(set(sampled.ids)) == len(sampled.ids) > 50
    assert every.shape == (300, 1536)
    assert exact.ids[0] == sampled.ids[0]
    assert exact.distances[0] == pytest.approx(0, abs=1e-6)


def test_a_model_that_hardly_any_row_has_is_not_looked_for_in_the_whole_table(
    database_url: str, fill: Callable[[int], None]
) -> None:
    fill(300)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "update article_embeddings set model = 'rare' where id = (select id from article_embeddings"
            " order by id offset 200 limit 1)"
        )
    start = [uuid.UUID(int=0)]
    with index_recall.snapshot(database_url, statement_timeout=10) as connection:
        assert len(index_recall.sample(connection, "rare", start, near=201).ids) == 1
        assert index_recall.sample(connection, "rare", start, near=200).ids == ()


def test_measuring_takes_no_more_queries_than_there_is_time_for(
    database_url: str, fill: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(2_000)
    shape = Shape("ivfflat", lists=49)
    run(database_url, index_ddl.create(shape, 1, SERVING), "analyze")
    monkeypatch.setattr(recall, "TUNE_S", 0.0)
    monkeypatch.setattr(recall, "SCORE_S", 0.0)
    found = recall.measure(database_url, Subject(SERVING, shape, 1), MODEL, seed=1, target=0.999)
    assert found is not None
    # Where the search for the best one would have begun.
    assert (found.score.value, found.score.queries) == (7, recall.FEWEST)


@pytest.mark.parametrize("after", [0, 3, 5, 6, 50])
def test_a_measurement_ends_at_once_wherever_it_is_when_nobody_wants_it_any_more(
    database_url: str, fill: Callable[[int], None], after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(300)
    monkeypatch.setattr(index_recall, "BLOCK", 50)
    shape, checks = Shape("ivfflat", lists=4), iter(range(10_000))
    run(database_url, index_ddl.create(shape, 1, SERVING))

    def check() -> None:
        if next(checks) >= after:
            raise Stopped

    with pytest.raises(Stopped):
        recall.measure(database_url, Subject(SERVING, shape, 1), MODEL, seed=1, check=check)
    with psycopg.connect(database_url) as connection:
        left = connection.execute("select count(*) from pg_stat_activity where application_name = 'signalist-recall'")
        assert left.fetchone() == (0,)

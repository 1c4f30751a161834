"""What is proposed, and that a proposal goes when its cause does."""

import dataclasses
import datetime as dt
from collections.abc import Callable

import psycopg
import pytest

from core.access import Role, User
from core.indexes.shape import Shape
from core.migrations import MigrationStatus
from core.operations import planning, upkeep
from core.operations.cancel import cancel
from core.operations.detect import Finding, Seen, detect, find
from core.operations.kind import World
from core.operations.states import State
from core.queries import operations
from core.queries.index_measurements import Measurement
from core.queries.invalid_indexes import InvalidIndex
from core.queries.operations import OperationRow
from core.queries.vector_index import SERVING, Build, Tuning, VectorIndex, VectorTable

ADA = User(None, "ada", Role.OPERATOR)
CURRENT = MigrationStatus("0003", "0003", (), ahead=False)
NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


def index(shape: Shape, built_on: int, tuning: Tuning | None = None) -> VectorIndex:
    build = Build(built_on, 1, 1.0, "0003", NOW)
    return VectorIndex(SERVING, shape, "vector_cosine_ops", 1, False, True, 1, 0, 0, 0, build, tuning)


def seen(rows: int, *indexes: VectorIndex) -> Seen:
    return Seen(VectorTable(rows, 0, 1, 1, None, None, indexes), None, (), CURRENT)


def measured(recall: float) -> Measurement:
    return Measurement(
        NOW, "measured", SERVING, 1, "", "m", 1, 1, "ivfflat.probes", 10, 200, recall, 0, 1, 1, 1, 1, 1, 1
    )


@pytest.mark.parametrize(
    ("given", "causes"),
    [
        (seen(9_999), []),
        (seen(10_000), ["no vector index"]),
        (seen(90_000, index(Shape("ivfflat", lists=100), 60_000)), []),
        (seen(128_041, index(Shape("ivfflat", lists=100), 60_000)), ["index outgrown"]),
        (seen(90_000, index(Shape("ivfflat", lists=100), 29_000)), ["index outgrown"]),
        (seen(2_000_000, index(Shape("hnsw", m=16, ef_construction=64), 1_100_000)), []),
        (seen(2_000_000, index(Shape("ivfflat", lists=1000), 900_000)), ["index outgrown"]),
    ],
)
def test_the_size_of_the_table_decides_what_is_proposed(given: Seen, causes: list[str]) -> None:
    assert [finding.cause for finding in find(given)] == causes


def test_a_recall_that_no_setting_brings_back_is_proposed_for_a_rebuild() -> None:
    fine = seen(50_000, index(Shape("ivfflat", lists=100), 50_000))
    assert list(find(dataclasses.replace(fine, measured=measured(0.96)))) == []
    assert list(find(dataclasses.replace(fine, measured=measured(0.81)))) == [Finding("rebuild index", "recall fell")]
    # Who built it for less is content with that.
    modest = Tuning("ivfflat.probes", 3, 0.81, 0.8, NOW)
    content = seen(50_000, index(Shape("ivfflat", lists=100), 50_000, modest))
    assert list(find(dataclasses.replace(content, measured=measured(0.81)))) == []


def test_what_is_pending_or_broken_is_proposed() -> None:
    given = dataclasses.replace(
        seen(10),
        invalid=(InvalidIndex("ix_ccnew", "articles", 1, ""),),
        schema=MigrationStatus("0002", "0003", ("0003",), ahead=False),
    )
    assert [finding.kind for finding in find(given)] == ["drop invalid index", "upgrade schema"]


async def proposals(world: World) -> tuple[OperationRow, ...]:
    async with world.database.session() as session:
        return await operations.proposed(session)


@pytest.fixture
def broken(database_url: str) -> Callable[[str], None]:
    """Leaves an invalid index, as an interrupted build does."""

    def leave(name: str) -> None:
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("insert into feeds (url) values ('http://example.org/a'), ('http://example.org/b')")
            with pytest.raises(psycopg.errors.UniqueViolation):
                connection.execute(f"create unique index concurrently {name} on feeds (enabled)".encode())

    return leave


async def test_an_invalid_index_is_proposed_once_and_withdrawn_when_it_is_gone(
    world: World, database_url: str, broken: Callable[[str], None]
) -> None:
    broken("left_over")
    await detect(world)
    await detect(world)
    (row,) = await proposals(world)
    assert (row.title, row.proposed_by) == ("Drop the invalid index left_over", "system")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("drop index left_over")
    await detect(world)
    assert await proposals(world) == ()
    ended = await planning.get(world, row.id)
    assert (ended.state, ended.outcome) == (State.WITHDRAWN, "What it was for is gone.")


async def test_what_a_person_dismissed_is_not_proposed_again_the_same_day(
    world: World, database_url: str, broken: Callable[[str], None]
) -> None:
    broken("left_over")
    await detect(world)
    (row,) = await proposals(world)
    await cancel(world, ADA, "browser", row.id)
    await detect(world)
    assert await proposals(world) == ()
    with psycopg.connect(database_url) as connection:
        connection.execute("update operations set ended_at = now() - interval '25 hours'")
    await detect(world)
    assert len(await proposals(world)) == 1


async def test_a_proposal_stays_the_same_plan_until_what_matters_changes(
    world: World, database_url: str, fill: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.indexes.sizing.WORTH_AN_INDEX", 200)
    fill(300)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("analyze")
    await detect(world)
    (first,) = await proposals(world)
    fill(100)
    await detect(world)
    assert (await proposals(world))[0].plan_hash == first.plan_hash
    with psycopg.connect(database_url) as connection:
        connection.execute("update operations set expires_at = now() + interval '1 hour'")
    await detect(world)
    (renewed,) = await proposals(world)
    assert renewed.id == first.id
    assert renewed.expires_at > first.expires_at - dt.timedelta(minutes=1)


async def test_the_index_is_measured_after_a_day(world: World, database_url: str, fill: Callable[[int], None]) -> None:
    assert await upkeep.measurement_due(world.database) is None
    fill(50)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("create index on article_embeddings using hnsw (embedding vector_cosine_ops)")
    job = await upkeep.measurement_due(world.database)
    assert job is not None
    assert job.task == "measure_index"

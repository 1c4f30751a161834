"""Rebuilding the index, from the plan to the proof, on a real Postgres."""

import asyncio
import io
import json
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from core.access import Role, User
from core.errors import BadRequest, Conflict
from core.indexes import measure
from core.operations import planning
from core.operations import run as running
from core.operations.approve import approve
from core.operations.cancel import cancel
from core.operations.kind import World
from core.operations.note import note
from core.operations.run import run_operation
from core.operations.states import State
from core.queries import embeddings, index_ddl, index_measurements, index_recall, operation_lines, vector_index
from core.queries.operations import OperationRow
from core.queries.vector_index import SERVING, VectorTable

ADA = User(None, "ada", Role.OPERATOR)


async def approved(world: World, **asked: object) -> OperationRow:
    row = await planning.plan(world, ADA, "cli", "rebuild index", asked)
    return await approve(world, ADA, "cli", row.id, read_hash=row.plan_hash)


async def rebuild(world: World, **asked: object) -> OperationRow:
    """Planned, approved and run to its end by this very process."""
    row = await approved(world, **asked)
    await run_operation(world, row.id, "worker 1")
    return await planning.get(world, row.id)


async def log_of(world: World, row: OperationRow) -> str:
    async with world.database.session() as session:
        return "\n".join(line.text for line in await operation_lines.since(session, row.id))


async def table_of(world: World) -> VectorTable:
    async with world.database.session() as session:
        return await vector_index.read(session)


async def until(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "it never came to that"
        await asyncio.sleep(0.02)


async def test_the_first_index_is_built_proven_and_used(
    world: World, fill: Callable[[int], None], json_log: io.StringIO
) -> None:
    fill(3_000)
    row = await rebuild(world, lists=20)
    assert row.state is State.DONE, row.outcome
    assert [step.name for step in row.steps][:5] == ["Preflight", "Build", "Analyze", "Prove", "Swap"]
    serving = (await table_of(world)).serving
    assert serving is not None
    assert serving.shape.words == "IVFFlat, lists 20"
    assert serving.build is not None
    assert serving.build.rows == 3_000
    assert serving.tuning is not None
    assert serving.tuning.recall >= 0.95
    assert "EXPLAIN names idx_embeddings_vector_new" in await log_of(world, row)
    said = [line for line in map(json.loads, json_log.getvalue().splitlines()) if "EXPLAIN names" in line["event"]]
    assert [line["operation"] for line in said] == [str(row.id)]
    async with world.database.session() as session:
        measured = await index_measurements.latest(session, SERVING, serving.mark)
    assert measured is not None
    assert measured.reason == "after a rebuild"


async def test_a_switch_to_hnsw_and_back_leaves_one_index_and_numbers_before_and_after(
    world: World, fill: Callable[[int], None]
) -> None:
    fill(2_000)
    await rebuild(world, lists=10)
    there = await rebuild(world, method="hnsw", m=8, ef_construction=32)
    assert there.state is State.DONE, there.outcome
    assert [(i.name, i.shape.method) for i in (await table_of(world)).indexes] == [(SERVING, "hnsw")]
    assert there.result["before"]["recall"] > 0.5
    assert there.result["after"]["used"] == index_ddl.BUILDING
    back = await rebuild(world, method="ivfflat", lists=15, halfvec=True)
    assert back.state is State.DONE, back.outcome
    assert [i.shape.words for i in (await table_of(world)).indexes] == ["IVFFlat, lists 15, halfvec"]
    async with world.database.session() as session:
        log = await operation_lines.since(session, back.id)
    written = note(back, log, "http://localhost/operations/1")
    assert written.startswith("## Rebuild idx_embeddings_vector as IVFFlat, lists 15, halfvec")
    assert "after: recall@10" in written
    assert 'ALTER INDEX "idx_embeddings_vector_new" RENAME TO "idx_embeddings_vector";' in written


async def test_what_a_person_chose_for_searches_stays_when_the_index_is_measured_again(
    world: World, fill: Callable[[int], None]
) -> None:
    fill(2_000)
    lower = await rebuild(world, lists=40, target=0.6)
    assert lower.state is State.DONE, lower.outcome
    found = await measure.measure(world.database, world.model, reason="nightly", seed=1)
    serving = (await table_of(world)).serving
    assert serving is not None
    assert serving.tuning is not None
    assert (serving.tuning.target, serving.tuning.value) == (0.6, found.value)
    # A higher one than would do.
    chosen = await rebuild(world, lists=40, setting=17)
    assert chosen.state is State.DONE, chosen.outcome
    assert (await measure.measure(world.database, world.model, reason="nightly", seed=2)).value == 17


async def test_an_index_made_by_hand_is_replaced(world: World, database_url: str, fill: Callable[[int], None]) -> None:
    fill(2_000)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "create index by_hand on article_embeddings using ivfflat (embedding vector_cosine_ops) with (lists = 10)"
        )
    row = await rebuild(world, lists=20)
    assert row.state is State.DONE, row.outcome
    assert [i.name for i in (await table_of(world)).indexes] == [SERVING]


async def test_an_index_that_is_not_good_enough_goes_and_the_old_one_stays(
    world: World, fill: Callable[[int], None]
) -> None:
    fill(2_000)
    await rebuild(world, lists=10)
    before = (await table_of(world)).serving
    # So few neighbours that it finds little, at any setting at which Postgres still prefers it to a full scan.
    row = await rebuild(world, method="hnsw", m=2, ef_construction=4, target=0.99)
    assert row.state is State.ROLLED_BACK, row.outcome
    assert "Recall@10 is 0." in (row.outcome or "")
    assert "below 0.99" in (row.outcome or "")
    table = await table_of(world)
    assert [i.name for i in table.indexes] == [SERVING]
    assert table.serving is not None
    assert before is not None
    assert table.serving.mark == before.mark
    assert "Undone: nothing is left behind." in await log_of(world, row)


async def test_reads_and_writes_go_on_during_a_rebuild(
    world: World, database_url: str, fill: Callable[[int], None]
) -> None:
    fill(4_000)
    await rebuild(world, lists=10)
    stalls, done = [], asyncio.Event()
    vector = await _some_vector(world)

    async def read() -> None:
        while not done.is_set():
            started = asyncio.get_running_loop().time()
            async with world.database.session() as session:
                assert len(await embeddings.nearest(session, vector, model=world.model, limit=10)) == 10
            stalls.append(asyncio.get_running_loop().time() - started)
            await asyncio.sleep(0.01)

    async def write() -> None:
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
            while not done.is_set():
                started = asyncio.get_running_loop().time()
                await connection.execute(
                    "update article_embeddings set content = content"
                    " where id = (select id from article_embeddings limit 1)"
                )
                stalls.append(asyncio.get_running_loop().time() - started)
                await asyncio.sleep(0.01)

    others = [asyncio.create_task(read()), asyncio.create_task(write())]
    row = await rebuild(world, method="hnsw", m=8, ef_construction=32)
    done.set()
    await asyncio.gather(*others)
    assert row.state is State.DONE, row.outcome
    assert len(stalls) > 50
    assert max(stalls) < 1.0


async def _some_vector(world: World) -> list[float]:
    from sqlalchemy import select

    from core.models import ArticleEmbedding

    async with world.database.session() as session:
        return (await session.scalars(select(ArticleEmbedding.embedding).limit(1))).one()


async def test_a_cancelled_build_stops_on_the_server_and_leaves_nothing(
    world: World, fill: Callable[[int], None]
) -> None:
    fill(6_000)
    row = await approved(world, method="hnsw", m=24, ef_construction=200, workers=0)
    work = asyncio.create_task(run_operation(world, row.id, "worker 1"))
    await _until_step(world, row, "Build")
    await cancel(world, ADA, "browser", row.id)
    await asyncio.wait_for(work, 30)
    ended = await planning.get(world, row.id)
    assert ended.state is State.CANCELLED
    assert ended.outcome == "Cancelled by ada."
    assert (await table_of(world)).indexes == ()
    again = await rebuild(world, lists=10)
    assert again.state is State.DONE, again.outcome


async def test_who_cancels_while_the_index_is_measured_does_not_wait_until_that_is_done(
    world: World, fill: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(2_000)
    asked = index_recall.nearest

    def slowly(*words: Any, **more: Any) -> Any:
        time.sleep(0.2)
        return asked(*words, **more)

    monkeypatch.setattr(index_recall, "nearest", slowly)
    monkeypatch.setattr(running, "RENEW_EVERY_S", 0.2)
    row = await approved(world, lists=10)
    work = asyncio.create_task(run_operation(world, row.id, "worker 1"))
    await _until_step(world, row, "Prove", building=False)
    await cancel(world, ADA, "browser", row.id)
    await asyncio.wait_for(work, 10)
    assert (await planning.get(world, row.id)).state is State.CANCELLED
    assert (await table_of(world)).indexes == ()


async def _until_step(world: World, row: OperationRow, name: str, *, building: bool = True) -> None:
    from core.queries import index_progress

    deadline = asyncio.get_running_loop().time() + 20
    while asyncio.get_running_loop().time() < deadline:
        found = await planning.get(world, row.id)
        async with world.database.session() as session:
            builds = await index_progress.builds(session)
        if found.step == name and (builds or not building):
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"the step {name} never began")


async def test_a_build_that_waits_says_for_whom(
    world: World, database_url: str, fill: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.operations import statement

    monkeypatch.setattr(statement, "BLOCKED_AFTER_S", 0.2)
    fill(3_000)
    row = await approved(world, lists=20)
    with psycopg.connect(database_url, application_name="forgotten psql") as forgotten:
        forgotten.execute("update article_embeddings set content = ''")
        work = asyncio.create_task(run_operation(world, row.id, "worker 1"))
        deadline = asyncio.get_running_loop().time() + 20
        while "Waits for pid" not in (log := await log_of(world, row)):
            assert asyncio.get_running_loop().time() < deadline, log
            await asyncio.sleep(0.1)
        assert "forgotten psql" in log
        assert "idle in transaction" in log
        assert "pg_terminate_backend" in log
        assert "forgotten psql" in (await planning.get(world, row.id)).held_up
    await asyncio.wait_for(work, 30)
    ended = await planning.get(world, row.id)
    assert (ended.state, ended.result["held_up_by"]) == (State.DONE, {})


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"method": "btree"}, "ivfflat or hnsw"),
        ({"lists": 40_000}, "1 to 32,768 lists"),
        ({"method": "hnsw", "m": 1}, "m of 2 to 100"),
        ({"method": "hnsw", "lists": 10}, "HNSW has no lists."),
        ({"method": "ivfflat", "m": 16}, "IVFFlat has no m."),
        ({"ef_construction": 64}, "IVFFlat has no ef_construction."),
        ({"target": 2}, "from 0.5 to 0.99"),
        ({"colour": "red"}, "no such choice: colour"),
    ],
)
async def test_a_choice_that_cannot_be_is_refused_in_a_sentence(
    world: World, fill: Callable[[int], None], asked: dict[str, object], sentence: str
) -> None:
    fill(20)
    with pytest.raises(BadRequest, match=sentence):
        await planning.plan(world, ADA, "cli", "rebuild index", asked)


async def test_there_is_nothing_to_build_on_an_empty_table(world: World) -> None:
    with pytest.raises(Conflict, match="No article is embedded yet"):
        await planning.plan(world, ADA, "cli", "rebuild index", {})


async def test_a_left_over_invalid_index_is_dropped_by_its_own_operation(
    world: World, database_url: str, fill: Callable[[int], None]
) -> None:
    fill(3_000)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("set statement_timeout = 300")
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute(
                "create index concurrently broken on article_embeddings using hnsw (embedding vector_cosine_ops)"
                " with (m = 32, ef_construction = 400)"
            )
    assert [i.name for i in (await table_of(world)).invalid] == ["broken"]
    row = await planning.plan(world, ADA, "cli", "drop invalid index", {"index": "broken"})
    await approve(world, ADA, "cli", row.id, read_hash=row.plan_hash)
    await run_operation(world, row.id, "worker 1")
    assert (await planning.get(world, row.id)).outcome == "broken is gone."
    assert (await table_of(world)).indexes == ()
    with pytest.raises(Conflict, match="no invalid index broken"):
        await planning.plan(world, ADA, "cli", "drop invalid index", {"index": "broken"})

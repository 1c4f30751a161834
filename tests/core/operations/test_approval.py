"""Who may say yes, to what, and how often."""

import asyncio
import dataclasses
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from redis.asyncio import Redis

from core.access import Role, User
from core.config import Settings
from core.errors import Conflict, Forbidden, NotLoggedIn
from core.operations import planning
from core.operations.approve import WorldChanged, approve
from core.operations.cancel import cancel
from core.operations.kind import World
from core.operations.kinds import KINDS
from core.operations.note import note
from core.operations.plan import Explored
from core.operations.run import run_operation
from core.operations.states import State
from core.queries import index_ddl, operations
from core.queries.operation_lines import Line
from core.queries.operations import OperationRow
from core.queues import depths

ADA, BOB = User(None, "ada", Role.OPERATOR), User(None, "bob", Role.OPERATOR)
VIEWER = User(None, "vera", Role.VIEWER)


@pytest.fixture
async def planned(world: World, fill: Callable[[int], None]) -> OperationRow:
    fill(400)
    return await planning.plan(world, ADA, "browser", "rebuild index", {"lists": 5})


async def test_a_plan_says_what_will_happen_before_anybody_approves(planned: OperationRow) -> None:
    assert planned.state is State.PROPOSED
    assert planned.title == "Build idx_embeddings_vector as IVFFlat, lists 5"
    assert any("CREATE INDEX CONCURRENTLY" in statement for statement in planned.plan.sql)
    assert planned.plan.locks == "none that block reads or writes"
    assert "maintenance_work_mem set to" in planned.plan.memory
    assert "recall@10 ≥ 0.95" in planned.plan.verify
    assert not planned.expired


async def test_an_approved_plan_is_in_the_queue_of_the_workers(
    world: World, planned: OperationRow, redis_url: str
) -> None:
    row = await approve(world, BOB, "browser", planned.id, read_hash=planned.plan_hash)
    assert (row.state, row.approved_by) == (State.APPROVED, "bob")
    waiting = {depth.name: depth.waiting for depth in await depths(world.redis, row.planned_at)}
    assert waiting["ops"] == 1


@pytest.mark.parametrize(("user", "error"), [(VIEWER, Forbidden), (None, NotLoggedIn)])
async def test_who_may_only_look_may_not_approve(
    world: World, planned: OperationRow, user: User | None, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await approve(world, user, "browser", planned.id, read_hash=planned.plan_hash)
    with pytest.raises(error):
        await cancel(world, user, "browser", planned.id)
    assert (await planning.get(world, planned.id)).state is State.PROPOSED


async def test_of_two_people_who_approve_at_once_one_is_told_about_the_other(
    world: World, planned: OperationRow
) -> None:
    answers = await asyncio.gather(
        approve(world, ADA, "browser", planned.id, read_hash=planned.plan_hash),
        approve(world, BOB, "browser", planned.id, read_hash=planned.plan_hash),
        return_exceptions=True,
    )
    rows = [a for a in answers if isinstance(a, OperationRow)]
    refused = [a for a in answers if isinstance(a, Conflict)]
    assert len(rows) == len(refused) == 1
    assert f"already, approved by {rows[0].approved_by}" in str(refused[0])


async def test_approving_twice_changes_nothing(world: World, planned: OperationRow) -> None:
    await approve(world, ADA, "browser", planned.id, read_hash=planned.plan_hash)
    with pytest.raises(Conflict, match="approved already, approved by ada"):
        await approve(world, ADA, "browser", planned.id, read_hash=planned.plan_hash)


@pytest.mark.usefixtures("planned")
async def test_of_two_who_must_agree_and_click_at_once_both_count_and_one_of_them_twice_does_not(world: World) -> None:
    strict = World(Settings(require_second_approver=True), world.database, world.redis)
    for people, state in (((ADA, BOB), State.APPROVED), ((ADA, ADA), State.PROPOSED)):
        row = await planning.plan(strict, BOB, "browser", "rebuild index", {"lists": 3})
        clicks = [approve(strict, user, "browser", row.id, read_hash=row.plan_hash) for user in people]
        answers = await asyncio.gather(*clicks, return_exceptions=True)
        assert (await planning.get(world, row.id)).state is state
        refused = [str(answer) for answer in answers if isinstance(answer, Conflict)]
        assert refused == (["You have approved this already: another person must, too."] if people[1] is ADA else [])
        await cancel(world, ADA, "browser", row.id)


async def test_two_plans_that_exclude_each_other_are_not_both_approved(world: World, planned: OperationRow) -> None:
    other = await planning.plan(world, BOB, "browser", "rebuild index", {"lists": 7})
    answers = await asyncio.gather(
        approve(world, ADA, "browser", planned.id, read_hash=planned.plan_hash),
        approve(world, BOB, "browser", other.id, read_hash=other.plan_hash),
        return_exceptions=True,
    )
    assert sum(isinstance(a, OperationRow) for a in answers) == 1
    assert any("exclude each other" in str(a) for a in answers)
    async with world.database.session() as session:
        assert len(await operations.active(session)) == 1


async def test_more_people_than_connections_plan_and_approve_at_once(world: World, fill: Callable[[int], None]) -> None:
    fill(400)
    many = range(1, 15)
    plans = await asyncio.gather(
        *(planning.plan(world, ADA, "browser", "rebuild index", {"lists": lists}) for lists in many)
    )
    answers = await asyncio.gather(
        *(approve(world, BOB, "browser", row.id, read_hash=row.plan_hash) for row in plans), return_exceptions=True
    )
    assert sum(isinstance(answer, OperationRow) for answer in answers) == 1
    assert sum(isinstance(answer, Conflict) for answer in answers) == len(many) - 1, answers


async def test_a_plan_for_a_world_that_has_changed_is_withdrawn_when_somebody_approves_it(
    world: World, planned: OperationRow, database_url: str
) -> None:
    by_hand = "create index by_hand on article_embeddings using hnsw (embedding vector_cosine_ops)"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(by_hand)
    with pytest.raises(WorldChanged, match="index was nothing, is name=by_hand"):
        await approve(world, ADA, "browser", planned.id, read_hash=planned.plan_hash)
    row = await planning.get(world, planned.id)
    assert row.state is State.WITHDRAWN
    assert "the world has changed" in (row.outcome or "")


async def test_a_world_that_changes_between_the_yes_and_the_run_stops_the_run(
    world: World, planned: OperationRow, database_url: str
) -> None:
    await approve(world, ADA, "browser", planned.id, read_hash=planned.plan_hash)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("create index by_hand on article_embeddings using hnsw (embedding vector_cosine_ops)")
    await run_operation(world, planned.id, "worker 1")
    row = await planning.get(world, planned.id)
    assert row.state is State.WITHDRAWN
    assert (row.outcome or "").startswith("Not begun, since the world has changed: index was nothing")


async def test_a_plan_that_was_made_anew_is_not_approved_by_who_read_the_old_one(
    world: World, planned: OperationRow
) -> None:
    await planning.renew(world, planned, await planning.draft(world, KINDS[planned.kind], {"lists": 9}))
    with pytest.raises(Conflict, match="not the one that you have read"):
        await approve(world, ADA, "browser", planned.id, read_hash=planned.plan_hash)


async def test_an_expired_plan_is_not_approved(world: World, planned: OperationRow, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("update operations set expires_at = now() - interval '1 second'")
    with pytest.raises(Conflict, match="has expired"):
        await approve(world, ADA, "browser", planned.id, read_hash=planned.plan_hash)
    async with world.database.session() as session:
        assert await operations.expire(session) == 1
    assert (await planning.get(world, planned.id)).state is State.EXPIRED


async def test_where_two_must_agree_the_second_is_another_person(
    world: World, fill: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(100)
    careful = dataclasses.replace(world, settings=Settings(require_second_approver=True))
    row = await planning.plan(careful, ADA, "browser", "rebuild index", {"lists": 5})
    # Nor does one who has a token count for two.
    with pytest.raises(Forbidden, match="a token is none"):
        await approve(careful, User(None, "token ada", Role.ADMIN), "api", row.id, read_hash=row.plan_hash)
    first = await approve(careful, ADA, "browser", row.id, read_hash=row.plan_hash)
    assert first.state is State.PROPOSED
    assert first.waits_for_second
    with pytest.raises(Conflict, match="another person must"):
        await approve(careful, ADA, "browser", row.id, read_hash=row.plan_hash)
    second = await approve(careful, BOB, "browser", row.id, read_hash=row.plan_hash)
    assert (second.state, second.approved_by, second.second_by) == (State.APPROVED, "ada", "bob")


def test_nothing_that_was_logged_gets_out_of_its_block_in_the_hand_over_note(planned: OperationRow) -> None:
    hostile = "``` ![x](https://evil.example/x) ````"
    written = note(planned, [Line(1, planned.planned_at, "error", hostile)])
    block = written.split("\n`````\n")
    assert len(block) == 3
    assert hostile in block[1]


async def test_a_dismissed_plan_stays_dismissed(world: World, planned: OperationRow) -> None:
    row = await cancel(world, BOB, "browser", planned.id)
    assert (row.state, row.outcome) == (State.CANCELLED, "Dismissed by bob.")
    with pytest.raises(Conflict, match="cancelled already"):
        await approve(world, ADA, "browser", planned.id, read_hash=planned.plan_hash)
    with pytest.raises(Conflict, match="cancelled already"):
        await cancel(world, ADA, "browser", planned.id)


async def test_what_is_cancelled_in_the_moment_in_which_a_worker_takes_it_up_is_not_begun(
    world: World, planned: OperationRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    await approve(world, ADA, "browser", planned.id, read_hash=planned.plan_hash)
    kind = KINDS[planned.kind]
    explore = kind.explore

    async def meanwhile(*looked_at: Any) -> Explored:
        await cancel(world, BOB, "browser", planned.id)
        return await explore(*looked_at)

    monkeypatch.setattr(kind, "explore", meanwhile)
    await run_operation(world, planned.id, "worker 1")
    row = await planning.get(world, planned.id)
    assert (row.state, row.outcome, row.steps) == (State.CANCELLED, "Cancelled by bob.", ())


async def test_a_changed_plan_takes_the_place_of_the_one_before(world: World, planned: OperationRow) -> None:
    newer = await planning.plan(world, BOB, "browser", "rebuild index", {"lists": 6}, replaces=planned.id)
    assert newer.state is State.PROPOSED
    assert (await planning.get(world, planned.id)).outcome == "Planned anew by bob."


async def test_an_approval_survives_redis_being_away(world: World, planned: OperationRow, unused_tcp_port: int) -> None:
    away = dataclasses.replace(world, redis=Redis(port=unused_tcp_port))
    row = await approve(away, ADA, "browser", planned.id, read_hash=planned.plan_hash)
    assert row.state is State.APPROVED
    async with world.database.session() as session:
        assert await operations.to_run(session) == (planned.id,)


async def test_every_decision_is_on_the_record(world: World, planned: OperationRow, database_url: str) -> None:
    await approve(world, BOB, "browser", planned.id, read_hash=planned.plan_hash)
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("select actor, action, outcome from records order by id").fetchall()
    assert rows == [("ada", "plan operation", "done"), ("bob", "approve operation", "done")]


def test_the_name_of_an_index_cannot_break_out_of_its_quotes() -> None:
    assert index_ddl.drop('x"; drop table articles; --') == (
        'DROP INDEX CONCURRENTLY IF EXISTS "x""; drop table articles; --"'
    )

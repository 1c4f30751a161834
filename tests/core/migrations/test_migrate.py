"""Moving the schema as an operation, on a real Postgres with rows in it."""

import asyncio
from collections.abc import Callable

import psycopg
import pytest

from core import migrations
from core.access import Role, User
from core.errors import BadRequest, Conflict, Forbidden, NotFound
from core.migrations import dangers
from core.operations import planning
from core.operations.approve import WorldChanged, approve
from core.operations.cancel import cancel
from core.operations.kind import World
from core.operations.run import run_operation
from core.operations.states import State
from core.queries import operation_lines
from core.queries.operations import OperationRow

OTTO, ADA = User(None, "otto", Role.OPERATOR), User(None, "ada", Role.ADMIN)
COLUMN = 'op.add_column("feeds", sa.Column("language", sa.Text()))'
DROP_COLUMN = 'op.drop_column("feeds", "language")'
Add = Callable[..., str]


async def plan(world: World, revision: str = "head", kind: str = "upgrade schema") -> OperationRow:
    return await planning.plan(world, OTTO, "cli", kind, {"revision": revision})


async def run(world: World, row: OperationRow, *, phrase: str = "") -> OperationRow:
    await approve(world, ADA, "cli", row.id, read_hash=row.plan_hash, phrase=phrase)
    await run_operation(world, row.id, "worker 1")
    return await planning.get(world, row.id)


async def log_of(world: World, row: OperationRow) -> str:
    async with world.database.session() as session:
        return "\n".join(line.text for line in await operation_lines.since(session, row.id))


def ask(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
        return row[0] if row else None


def head_of(url: str) -> str | None:
    return migrations.status(url).current


async def test_a_harmless_revision_is_shown_run_and_proven(
    world: World, database_url: str, revisions: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The models do not know the column: what is checked here is all but that.
    monkeypatch.setattr("core.migrations.migrate.drift", lambda url: ())
    revisions(COLUMN, DROP_COLUMN, "the language of a feed")
    row = await plan(world)
    assert row.title == "Upgrade the schema to 9001"
    assert row.plan.sql == ("ALTER TABLE feeds ADD COLUMN language TEXT",)
    assert row.plan.dangers == ()
    assert "ACCESS EXCLUSIVE on feeds" in row.plan.steps[0].locks
    assert "for a moment" in row.plan.steps[0].locks
    done = await run(world, row)
    assert done.state is State.DONE, await log_of(world, row)
    assert head_of(database_url) == "9001"
    log = await log_of(world, row)
    assert "ALTER TABLE feeds ADD COLUMN language TEXT;" in log
    assert "What the screens show can be read" in log


async def test_a_difference_from_the_models_fails_the_proof_and_is_taken_back(
    world: World, database_url: str, revisions: Add
) -> None:
    before = head_of(database_url)
    revisions('op.create_index("by_title", "feeds", ["title"])', 'op.drop_index("by_title", "feeds")')
    done = await run(world, await plan(world))
    assert done.state is State.ROLLED_BACK, done.outcome
    assert "The database differs from the models" in (done.outcome or "")
    assert head_of(database_url) == before
    assert "which loses nothing" in await log_of(world, done)


async def test_a_way_back_that_loses_data_is_not_taken_unasked(world: World, database_url: str, revisions: Add) -> None:
    revisions(COLUMN, DROP_COLUMN)
    revisions('op.execute("select 1 / 0")')
    row = await plan(world)
    done = await run(world, row)
    assert done.state is State.FAILED
    assert "division by zero" in (done.outcome or "")
    assert "9001 stays" in (done.outcome or "")
    assert "loses the column language of feeds" in (done.outcome or "")
    assert "`signalist db downgrade" in (done.outcome or "")
    assert head_of(database_url) == "9001"


async def test_a_revision_that_fails_leaves_nothing_of_itself(world: World, database_url: str, revisions: Add) -> None:
    before = head_of(database_url)
    revisions(f'{COLUMN}\n    op.execute("select 1 / 0")', DROP_COLUMN)
    done = await run(world, await plan(world))
    assert done.state is State.ROLLED_BACK
    assert head_of(database_url) == before
    assert ask(database_url, "select count(*) from pg_attribute where attname = 'language'") == 0
    again = await planning.plan(world, OTTO, "cli", "upgrade schema", {})
    assert again.state is State.PROPOSED


@pytest.mark.parametrize(
    ("up", "words"),
    [
        (
            'op.add_column("articles", sa.Column("isbn", sa.Text(), nullable=False))',
            "may not be null and has no default",
        ),
        ('op.create_index("by_title", "articles", ["title"])', "not built concurrently"),
        ('op.drop_column("articles", "author")', "loses the column author of articles"),
    ],
)
async def test_a_dangerous_revision_is_named_as_such_before_anybody_approves(
    world: World, revisions: Add, fill: Callable[[int], None], monkeypatch: pytest.MonkeyPatch, up: str, words: str
) -> None:
    monkeypatch.setattr(dangers, "BIG_ROWS", 1_000)
    fill(1_200)
    revisions(up)
    row = await plan(world)
    assert any(d.severity == "danger" and words in d.text for d in row.plan.dangers), row.plan.dangers
    assert row.plan.steps[0].findings


async def test_what_loses_data_asks_an_admin_to_type_it(world: World, database_url: str, revisions: Add) -> None:
    revisions(
        'op.drop_column("feeds", "last_modified")', 'op.add_column("feeds", sa.Column("last_modified", sa.Text()))'
    )
    row = await plan(world)
    assert row.plan.loses == "the column last_modified of feeds with what is in it"
    with pytest.raises(Forbidden):
        await approve(world, OTTO, "browser", row.id, read_hash=row.plan_hash, phrase="upgrade to 9001")
    with pytest.raises(BadRequest, match="Type upgrade to 9001"):
        await approve(world, ADA, "browser", row.id, read_hash=row.plan_hash, phrase="yes")
    await approve(world, ADA, "browser", row.id, read_hash=row.plan_hash, phrase="upgrade to 9001")


async def test_down_and_up_again_with_rows_in_the_tables(
    world: World, database_url: str, revisions: Add, fill: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.migrations.migrate.drift", lambda url: ())
    fill(50)
    start = head_of(database_url)
    revisions(COLUMN, DROP_COLUMN, "the language of a feed")
    assert (await run(world, await plan(world))).state is State.DONE
    with psycopg.connect(database_url) as connection:
        connection.execute("update feeds set language = 'de'")
    row = await plan(world, "-1", "downgrade schema")
    assert row.plan.loses == "the column language of feeds with what is in it"
    done = await run(world, row, phrase=f"downgrade to {start}")
    assert done.state is State.DONE, done.outcome
    assert head_of(database_url) == start
    assert ask(database_url, "select count(*) from articles") == 50
    assert (await run(world, await plan(world))).state is State.DONE
    assert ask(database_url, "select count(language) from feeds") == 0


async def test_going_back_below_the_operations_is_no_operation(world: World) -> None:
    with pytest.raises(Conflict, match="removes the table in which operations are kept"):
        await plan(world, "0002", "downgrade schema")


async def test_a_revision_without_a_way_back_cannot_be_taken_back(
    world: World, revisions: Add, database_url: str
) -> None:
    revisions(COLUMN, "raise NotImplementedError")
    migrations.upgrade(database_url)
    with pytest.raises(Conflict, match="9001 cannot be taken back"):
        await plan(world, "-1", "downgrade schema")


async def test_revisions_that_are_not_there_or_not_ahead_are_refused(world: World) -> None:
    with pytest.raises(NotFound, match="no revision 4711"):
        await plan(world, "4711")
    with pytest.raises(Conflict, match="has run already"):
        await plan(world)


async def test_a_lock_that_is_held_is_asked_for_again_without_keeping_readers_waiting(
    world: World, database_url: str, revisions: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.operations import statement

    monkeypatch.setattr("core.migrations.migrate.drift", lambda url: ())
    monkeypatch.setattr(statement, "BLOCKED_AFTER_S", 0.0)
    revisions(COLUMN, DROP_COLUMN)
    row = await plan(world)
    await approve(world, ADA, "cli", row.id, read_hash=row.plan_hash)
    with psycopg.connect(database_url, application_name="forgotten psql") as forgotten:
        forgotten.execute("select count(*) from feeds")
        work = asyncio.create_task(run_operation(world, row.id, "worker 1"))
        deadline = asyncio.get_running_loop().time() + 20
        while "Attempt 2 of" not in (log := await log_of(world, row)):
            assert asyncio.get_running_loop().time() < deadline, log
            await asyncio.sleep(0.05)
        assert "Nobody is in the way" not in log
        assert "forgotten psql" in (await planning.get(world, row.id)).held_up
        # Between two attempts nobody is in the way of a reader.
        with psycopg.connect(database_url, options="-c statement_timeout=500") as reader:
            reader.execute("select count(*) from feeds")
    await asyncio.wait_for(work, 60)
    done = await planning.get(world, row.id)
    assert (done.state, done.result["held_up_by"]) == (State.DONE, {})


@pytest.mark.parametrize("verb", ["build", "drop"])
async def test_a_revision_that_also_builds_or_drops_an_index_concurrently_asks_for_its_locks_again_and_again(
    world: World, database_url: str, revisions: Add, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.setattr("core.migrations.migrate.drift", lambda url: ())
    beside = {"build": 'create_index("by_title", "feeds", ["title"], ', "drop": 'drop_index("by_url", '}
    revisions(
        "with op.get_context().autocommit_block():\n"
        f"        op.{beside[verb]}postgresql_concurrently=True)\n"
        '    op.add_column("articles", sa.Column("language", sa.Text()))'
    )
    with psycopg.connect(database_url) as connection:
        connection.execute("create index by_url on feeds (url)")
    row = await plan(world)
    await approve(world, ADA, "cli", row.id, read_hash=row.plan_hash)
    with psycopg.connect(database_url) as forgotten:
        # In nobody's way but that of what changes the table.
        forgotten.execute("select count(*) from articles")
        work = asyncio.create_task(run_operation(world, row.id, "worker 1"))
        async with asyncio.timeout(30):
            while "Attempt 2 of" not in await log_of(world, row):
                await asyncio.sleep(0.05)
        with psycopg.connect(database_url, options="-c statement_timeout=500") as reader:
            reader.execute("select count(*) from articles")
    await asyncio.wait_for(work, 60)
    assert (await planning.get(world, row.id)).state is State.DONE, await log_of(world, row)


async def test_an_index_that_a_revision_builds_concurrently_waits_for_old_transactions_and_names_them(
    world: World, database_url: str, revisions: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.operations import statement

    monkeypatch.setattr("core.migrations.migrate.drift", lambda url: ())
    monkeypatch.setattr(statement, "BLOCKED_AFTER_S", 0.2)
    revisions(
        "with op.get_context().autocommit_block():\n"
        '        op.create_index("by_title", "feeds", ["title"], postgresql_concurrently=True)',
        'op.drop_index("by_title", "feeds")',
    )
    row = await plan(world)
    assert row.plan.locks == "none that block reads or writes"
    # It is outside of any transaction, so the linter has nothing against it.
    assert row.plan.steps[0].findings == ()
    await approve(world, ADA, "cli", row.id, read_hash=row.plan_hash)
    with psycopg.connect(database_url, application_name="forgotten psql") as forgotten:
        forgotten.execute("insert into feeds (url) values ('http://example.org/x')")
        work = asyncio.create_task(run_operation(world, row.id, "worker 1"))
        deadline = asyncio.get_running_loop().time() + 20
        while "forgotten psql" not in (log := await log_of(world, row)):
            assert asyncio.get_running_loop().time() < deadline, log
            await asyncio.sleep(0.05)
        # A second click, while the first one builds: no deadlock, and a sentence.
        other = await plan(world)
        with pytest.raises(Conflict, match="exclude each other"):
            await approve(world, ADA, "browser", other.id, read_hash=other.plan_hash)
    await asyncio.wait_for(work, 60)
    assert (await planning.get(world, row.id)).state is State.DONE, await log_of(world, row)
    assert ask(database_url, "select indisvalid from pg_index where indexrelid = 'by_title'::regclass") is True


@pytest.mark.parametrize("kind", ["upgrade schema", "downgrade schema"])
async def test_a_cancelled_concurrent_build_leaves_no_invalid_index_and_the_next_try_works(
    world: World, database_url: str, revisions: Add, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr("core.migrations.migrate.drift", lambda url: ())
    build = (
        "with op.get_context().autocommit_block():\n"
        '        op.create_index("by_title", "feeds", ["title"], postgresql_concurrently=True)'
    )
    is_down, to = kind == "downgrade schema", "-1" if kind == "downgrade schema" else "head"
    revisions(*(("pass", build) if is_down else (build, 'op.drop_index("by_title", "feeds")')))
    if is_down:
        assert (await run(world, await plan(world))).state is State.DONE
    row = await plan(world, to, kind)
    await approve(world, ADA, "cli", row.id, read_hash=row.plan_hash, phrase=row.plan.phrase or "")
    with psycopg.connect(database_url) as old:
        old.execute("insert into feeds (url) values ('http://example.org/x')")
        work = asyncio.create_task(run_operation(world, row.id, "worker 1"))
        deadline = asyncio.get_running_loop().time() + 20
        while not ask(database_url, "select count(*) from pg_stat_progress_create_index"):
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.05)
        await cancel(world, ADA, "browser", row.id)
        while (await planning.get(world, row.id)).state is State.RUNNING:
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.05)
    await asyncio.wait_for(work, 60)
    ended = await planning.get(world, row.id)
    assert ended.state is State.CANCELLED, ended.outcome
    assert ask(database_url, "select count(*) from pg_class where relname = 'by_title'") == 0
    row = await plan(world, to, kind)
    assert (await run(world, row, phrase=row.plan.phrase or "")).state is State.DONE


AS_THEY_WERE = (
    "CREATE INDEX by_site ON public.feeds USING btree (site_url), CREATE INDEX by_url ON public.feeds USING btree (url)"
)
INDEXES = """
    select string_agg(indexdef, ', ' order by indexname)
      from pg_indexes join pg_index on indexrelid = indexname::regclass
     where indexname in ('by_site', 'by_title', 'by_url') and indisvalid
"""
REBUILDS = """with op.get_context().autocommit_block():
        op.drop_index("by_site", postgresql_concurrently=True)
        op.drop_index("by_url", postgresql_concurrently=True)
        op.create_index("by_url", "feeds", ["url", "title"], postgresql_concurrently=True)
        op.create_index("by_title", "feeds", ["title"], postgresql_concurrently=True)"""


@pytest.mark.parametrize("kind", ["upgrade schema", "downgrade schema"])
@pytest.mark.parametrize("dropped", [True, False], ids=["in the middle", "before the first statement"])
async def test_indexes_that_a_cancelled_revision_drops_beside_its_transaction_are_as_they_were(
    world: World, database_url: str, revisions: Add, monkeypatch: pytest.MonkeyPatch, kind: str, dropped: bool
) -> None:
    monkeypatch.setattr("core.migrations.migrate.drift", lambda url: ())
    is_down = kind == "downgrade schema"
    revisions(*(("pass", REBUILDS) if is_down else (REBUILDS, "pass")))
    if is_down:
        migrations.upgrade(database_url)
    with psycopg.connect(database_url) as connection:
        connection.execute("create index by_site on feeds (site_url); create index by_url on feeds (url)")
    assert ask(database_url, INDEXES) == AS_THEY_WERE
    row = await plan(world, "-1" if is_down else "head", kind)
    await approve(world, ADA, "cli", row.id, read_hash=row.plan_hash)
    with psycopg.connect(database_url) as other:
        # A build waits for an older snapshot; a drop already for this lock.
        other.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        other.execute("select count(*) from users" if dropped else "lock table feeds in share update exclusive mode")
        work = asyncio.create_task(run_operation(world, row.id, "worker 1"))
        async with asyncio.timeout(20):
            while ("CREATE INDEX" if dropped else "DROP INDEX") not in await log_of(world, row):
                await asyncio.sleep(0.05)
            assert (ask(database_url, INDEXES) != AS_THEY_WERE) is dropped
            await cancel(world, ADA, "browser", row.id)
            while (await planning.get(world, row.id)).state is State.RUNNING:
                await asyncio.sleep(0.05)
    await asyncio.wait_for(work, 60)
    assert (await planning.get(world, row.id)).state is State.CANCELLED, await log_of(world, row)
    assert ask(database_url, INDEXES) == AS_THEY_WERE, await log_of(world, row)
    assert ("building it again" in await log_of(world, row)) is dropped


async def test_an_index_that_cannot_be_built_again_is_named_with_what_to_type_and_the_others_are_built(
    world: World, database_url: str, revisions: Add
) -> None:
    gone = "CREATE UNIQUE INDEX by_url ON public.feeds USING btree (title)"
    others = ("by_site", "by_tag")
    revisions(
        "with op.get_context().autocommit_block():\n"
        '        for name in ("by_site", "by_url", "by_tag"):\n'
        "            op.drop_index(name, postgresql_concurrently=True)\n"
        "        op.execute(\"insert into feeds (url) values ('http://a.example'), ('http://b.example')\")\n"
        '        op.execute("select 1 / 0")'
    )
    with psycopg.connect(database_url) as connection:
        connection.execute(gone.encode())
        for name in others:
            connection.execute(f"create index {name} on feeds (site_url)".encode())
    done = await run(world, await plan(world))
    assert done.state is State.FAILED
    assert "by_url is gone" in (done.outcome or "")
    for name in others:
        assert name not in (done.outcome or "")
        assert ask(database_url, f"select indisvalid from pg_index where indexrelid = '{name}'::regclass") is True
    assert f"`{gone.replace('INDEX', 'INDEX CONCURRENTLY')};`" in (done.outcome or "")
    assert ask(database_url, "select count(*) from pg_class where relname = 'by_url'") == 0


async def test_two_clicks_while_somebody_builds_an_index_by_hand_are_one_run_and_nobody_is_a_victim(
    world: World, database_url: str, revisions: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.migrations.migrate.drift", lambda url: ())
    revisions(COLUMN, DROP_COLUMN)
    rows = [await plan(world), await plan(world)]

    def by_hand() -> None:
        with psycopg.connect(database_url, autocommit=True) as hand:
            hand.execute("create index concurrently by_hand on feeds (title)")

    with psycopg.connect(database_url) as forgotten:
        forgotten.execute("insert into feeds (url) values ('http://example.org/x')")
        building = asyncio.create_task(asyncio.to_thread(by_hand))
        async with asyncio.timeout(20):
            while not ask(database_url, "select count(*) from pg_stat_progress_create_index where lockers_total > 0"):
                await asyncio.sleep(0.05)
        clicks = [
            approve(world, user, "browser", row.id, read_hash=row.plan_hash)
            for user, row in zip((OTTO, ADA), rows, strict=True)
        ]
        answers = await asyncio.gather(*clicks, return_exceptions=True)
        (approved,) = [answer for answer in answers if isinstance(answer, OperationRow)]
        (refused,) = [answer for answer in answers if isinstance(answer, Conflict)]
        assert "exclude each other" in str(refused)
        work = asyncio.create_task(run_operation(world, approved.id, "worker 1"))
        async with asyncio.timeout(20):
            while "Attempt 2 of" not in await log_of(world, approved):
                await asyncio.sleep(0.05)
    await asyncio.wait_for(asyncio.gather(building, work), 60)
    assert (await planning.get(world, approved.id)).state is State.DONE, await log_of(world, approved)
    assert ask(database_url, "select indisvalid from pg_index where indexrelid = 'by_hand'::regclass") is True


async def test_a_schema_that_moved_between_plan_and_approval_voids_the_plan(
    world: World, database_url: str, revisions: Add
) -> None:
    revisions(COLUMN, DROP_COLUMN)
    row = await plan(world)
    await asyncio.to_thread(migrations.upgrade, database_url)
    with pytest.raises(WorldChanged, match="9001 has run already"):
        await approve(world, ADA, "cli", row.id, read_hash=row.plan_hash)
    assert (await planning.get(world, row.id)).state is State.WITHDRAWN

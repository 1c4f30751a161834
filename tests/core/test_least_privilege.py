"""What the application's own role cannot do to the database, whoever has taken the application over.

Every other test runs as that role too, wherever it uses the fixture `database`.
"""

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from core import queues
from core.access import SYSTEM, Action, on_this_machine
from core.config import Settings
from core.db import Database
from core.errors import NotPrivileged
from core.operations import planning
from core.operations.approve import approve
from core.operations.kind import World
from core.operations.run import run_operation
from core.operations.states import State
from core.recording import recorded

ROOT = on_this_machine("root")
LEAST_PRIVILEGE = Path(__file__).parents[2] / "docs" / "least-privilege.sql"


@pytest.mark.parametrize(
    "statement",
    [
        "update records set actor = 'somebody else'",
        "delete from records",
        "truncate records",
        "drop table records",
        "alter table records drop column actor",
        "alter table records disable trigger all",
        "create rule nothing as on insert to records do instead nothing",
        "set session_replication_role = replica",
        "set role signalist",
    ],
)
async def test_a_record_can_be_added_and_read_but_neither_changed_nor_deleted(
    database: Database, statement: str
) -> None:
    async with recorded(database, SYSTEM, "system", Action.CRAWL_FEED, "all feeds"):
        pass
    with pytest.raises(NotPrivileged):
        async with database.session() as session:
            await session.execute(text(statement))
    async with database.session() as session:
        assert (await session.execute(text("select actor from records"))).all() == [("system",)]


@pytest.mark.parametrize(
    "statement",
    [
        "create table mine (id int)",
        "create index mine on articles (url)",
        "create function mine() returns int language sql as 'select 1'",
        "create role mine",
        "alter table articles add column mine int",
        "drop index ix_articles_newest",
        "drop trigger guard_operation on operations",
        "truncate articles cascade",
        "reindex table articles",
        "update alembic_version set version_num = '0001'",
        "delete from alembic_version",
        "copy articles to program 'cat'",
        "copy articles to '/tmp/articles'",
    ],
)
async def test_the_schema_and_the_server_are_out_of_reach(database: Database, statement: str) -> None:
    with pytest.raises(NotPrivileged):
        async with database.session() as session:
            await session.execute(text(statement))


async def test_a_table_of_a_later_revision_can_be_used_at_once(database: Database, database_url: str) -> None:
    with psycopg.connect(database_url) as owner:
        owner.execute("create table later (id int)")
    async with database.session() as session:
        await session.execute(text("insert into later values (1)"))
        assert (await session.execute(text("delete from later returning id"))).scalar_one() == 1


async def test_the_owner_acts_where_that_is_asked_for(database: Database) -> None:
    async with database.owner_session() as session:
        await session.execute(text("alter table articles add column mine int"))


async def test_an_operation_without_the_owners_address_says_what_is_missing(
    app_url: str, redis_url: str, fill: Callable[[int], None]
) -> None:
    fill(300)
    database, redis = Database(app_url, application="test"), queues.connect(redis_url)
    world = World(Settings(), database, redis)
    row = await planning.plan(world, ROOT, "cli", "rebuild index", {})
    await approve(world, ROOT, "cli", row.id, read_hash=row.plan_hash, phrase="")
    await run_operation(world, row.id, "worker 1")
    ended = await planning.get(world, row.id)
    assert (ended.state, ended.outcome) == (State.ROLLED_BACK, NotPrivileged.sentence())
    await redis.aclose()
    await database.close()


async def test_the_rights_can_be_given_again(database: Database, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute(LEAST_PRIVILEGE.read_bytes())
    async with recorded(database, SYSTEM, "system", Action.CRAWL_FEED, "all feeds"):
        pass
    with pytest.raises(NotPrivileged):
        async with database.session() as session:
            await session.execute(text("delete from records"))

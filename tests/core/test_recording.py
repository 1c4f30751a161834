"""Every action leaves a record: done, refused or failed."""

import asyncio
from dataclasses import replace

import psycopg
import pytest
from sqlalchemy import text

from core.access import SYSTEM, Action, Role, User, may
from core.accounts.throttle import ADDRESS_LIMIT
from core.db import Database
from core.errors import BadRequest, Conflict, DatabaseUnavailable, Forbidden, NotLoggedIn
from core.recording import NotRecorded, recorded

VIEWER = User(id=None, name="vera", role=Role.VIEWER, address="10.0.0.7")
OPERATOR = User(id=None, name="otto", role=Role.OPERATOR, address="10.0.0.8")


def rows(url: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(
            "select actor, address, face, action, target, outcome, details from records order by id"
        ).fetchall()


async def test_what_was_done_is_recorded_with_what_the_outcome_told(database: Database, database_url: str) -> None:
    async with recorded(database, OPERATOR, "browser", Action.RETRY_JOBS, "all", asked=3) as recording:
        recording.details["retried"] = 2
    assert rows(database_url) == [
        ("otto", "10.0.0.8", "browser", "retry jobs", "all", "done", {"asked": 3, "retried": 2})
    ]


async def test_a_refusal_is_recorded_and_nothing_is_done(database: Database, database_url: str) -> None:
    with pytest.raises(Forbidden, match="role operator; vera is viewer"):
        async with recorded(database, VIEWER, "api", Action.PAUSE_QUEUE, "crawl"):
            pytest.fail("the body ran")
    with pytest.raises(NotLoggedIn):
        async with recorded(database, None, "browser", Action.PAUSE_QUEUE, "crawl"):
            pytest.fail("the body ran")
    assert [(row[0], row[5]) for row in rows(database_url)] == [("vera", "refused"), ("anonymous", "refused")]


async def test_who_asks_again_and_again_for_what_they_may_not_does_not_fill_the_record(
    database: Database, database_url: str
) -> None:
    async def ask(user: User, action: Action, target: str) -> None:
        with pytest.raises(Forbidden):
            async with recorded(database, user, "browser", action, target):
                pytest.fail("the body ran")

    def refusals() -> list[tuple[object, ...]]:
        return [row[:2] for row in rows(database_url) if row[5] == "refused"]

    # Whatever is asked for.
    actions = [action for action in Action if not may(VIEWER, action)]
    await asyncio.gather(*(ask(VIEWER, action, str(n)) for n, action in enumerate(actions * 3)))
    assert refusals() == [("vera", "10.0.0.7")] * ADDRESS_LIMIT
    # Nor by failing at what they may do.
    with pytest.raises(BadRequest):
        async with recorded(database, VIEWER, "browser", Action.END_OWN_SESSIONS, "none"):
            raise BadRequest
    assert len(rows(database_url)) == ADDRESS_LIMIT
    # Who else is refused, and where else, is still seen.
    for user in (replace(VIEWER, name="vince"), replace(VIEWER, address="10.0.0.9")):
        await ask(user, Action.PAUSE_QUEUE, "crawl")
    assert refusals()[ADDRESS_LIMIT:] == [("vince", "10.0.0.7"), ("vera", "10.0.0.9")]
    # What they may do is recorded as ever, and so are they themselves after a while.
    async with recorded(database, VIEWER, "browser", Action.SEARCH, "words"):
        pass
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("update login_failures set last_failed_at = last_failed_at - interval '15 minutes'")
    await ask(VIEWER, Action.PAUSE_QUEUE, "crawl")
    assert [row[0] for row in rows(database_url)][-2:] == ["vera", "vera"]


async def test_a_failure_is_recorded_without_the_words_of_a_foreign_error(
    database: Database, database_url: str
) -> None:
    with pytest.raises(ValueError, match="hunter2"):
        async with recorded(database, SYSTEM, "system", Action.CRAWL_FEED, "a feed"):
            raise ValueError("password=hunter2")
    with pytest.raises(Conflict):
        async with recorded(database, SYSTEM, "system", Action.CRAWL_FEED, "a feed"):
            raise Conflict("Someone was quicker.")
    assert [(row[5], row[6]) for row in rows(database_url)] == [
        ("failed", {"error": "ValueError"}),
        ("failed", {"error": "Someone was quicker."}),
    ]


async def test_what_the_body_wrote_is_undone_when_the_record_cannot_be_written(
    database: Database, database_url: str
) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("alter table records add constraint full_up check (target <> 'doomed')")

    async def act() -> None:
        async with recorded(database, SYSTEM, "cli", Action.EDIT_FEEDS, "doomed") as recording:
            connection = await recording.session.connection()
            await connection.exec_driver_sql("insert into feeds (url) values ('https://example.org/feed')")

    with pytest.raises(Exception, match="full_up"):
        await act()
    with psycopg.connect(database_url) as connection:
        assert connection.execute("select count(*) from feeds").fetchone() == (0,)


async def test_an_action_that_cannot_be_recorded_is_not_begun(database: Database, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("alter database signalist_test set default_transaction_read_only = on")
    with pytest.raises(NotRecorded):
        async with recorded(database, SYSTEM, "cli", Action.EDIT_FEEDS, "a feed"):
            pytest.fail("the body ran")


async def test_with_no_database_the_action_is_not_begun() -> None:
    nowhere = Database("postgresql://nobody@127.0.0.1:1/none", application="test")
    with pytest.raises(DatabaseUnavailable):
        async with recorded(nowhere, SYSTEM, "cli", Action.EDIT_FEEDS, "a feed"):
            pytest.fail("the body ran")


@pytest.mark.parametrize("odd", [float("nan"), float("inf")])
async def test_nobody_keeps_a_record_from_being_written_by_asking_for_what_json_cannot_say(
    database: Database, database_url: str, odd: float
) -> None:
    with pytest.raises(Conflict):
        async with recorded(database, OPERATOR, "api", Action.PLAN_OPERATION, "rebuild index", asked={"target": odd}):
            raise Conflict("No.")
    assert [row[5:] for row in rows(database_url)] == [("failed", {"asked": {"target": str(odd)}, "error": "No."})]


@pytest.mark.parametrize("odd", ["a\0b", "a\ud800b"])
async def test_a_text_that_postgres_cannot_hold_is_refused_in_a_sentence(database: Database, odd: str) -> None:
    with pytest.raises(BadRequest, match="neither stored nor looked for"):
        async with database.session() as session:
            await session.execute(text("select :odd"), {"odd": odd})

"""`signalist db`."""

from collections.abc import Callable
from typing import Any

import psycopg

from core import migrations

Signalist = Callable[..., Any]


def test_a_current_schema_is_said_to_be_current(signalist: Signalist, database_url: str) -> None:
    head = migrations.status(database_url).head
    assert signalist("db", "status").out == f"The schema is current, at revision {head}.\n"
    assert signalist("db", "status", "--json").json == {"current": head, "head": head, "pending": [], "ahead": False}
    assert signalist("db", "upgrade").code == 0
    assert signalist("db", "diff").code == 0


def test_it_goes_down_and_up_when_asked_to(signalist: Signalist) -> None:
    assert signalist("db", "downgrade", "base", "--yes").out.startswith("The database is empty; pending: 0001")
    assert signalist("db", "status", "--json").json["current"] is None
    assert signalist("db", "upgrade").code == 2  # nobody is there to say yes
    assert signalist("db", "upgrade", "--yes").out.startswith("The schema is current")


def test_what_differs_because_a_revision_is_pending_is_said_to_be_so(signalist: Signalist) -> None:
    signalist("db", "downgrade", "0003", "--yes")
    done = signalist("db", "diff")
    assert done.code == 1
    assert "What is pending (0004" in done.err


def test_history_tells_what_is_pending(signalist: Signalist) -> None:
    signalist("db", "downgrade", "base", "--yes")
    assert {revision["applied"] for revision in signalist("db", "history", "--json").json} == {False}
    assert "pending" in signalist("db", "history").out


def test_what_differs_from_the_models_is_a_bad_answer(signalist: Signalist, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("alter table feeds drop column last_error")
    done = signalist("db", "diff")
    assert done.code == 1
    assert "last_error" in done.out


def test_a_revision_that_is_not_there_is_one_sentence(signalist: Signalist) -> None:
    done = signalist("db", "upgrade", "9999", "--yes")
    assert done.code == 1
    assert "9999" in done.err
    assert done.err.count("\n") == 1


def test_a_database_that_newer_code_migrated_is_said_to_be_so(signalist: Signalist, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("update alembic_version set version_num = '9999'")
    assert "newer code migrated it" in signalist("db", "status").out


def test_what_deletes_the_data_wants_to_be_typed_also_where_it_is_no_operation(
    signalist: Signalist, at_a_terminal: Signalist, database_url: str
) -> None:
    head = migrations.status(database_url).current
    refused = at_a_terminal("y", "db", "downgrade", "base")
    assert refused.code == 1
    assert "All that is in it is lost." in refused.err
    assert "Type downgrade to base to go on" in refused.out
    assert "add --yes" in signalist("db", "downgrade", "base").err
    assert migrations.status(database_url).current == head
    assert at_a_terminal("downgrade to base", "db", "downgrade", "base").code == 0
    assert migrations.status(database_url).current is None

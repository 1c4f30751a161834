"""The schema goes up, down and up again, and matches the models."""

import psycopg

from core import migrations


def test_every_revision_goes_down_and_up_again(database_url: str) -> None:
    assert migrations.status(database_url).is_current
    assert migrations.downgrade(database_url, "base").current is None
    assert migrations.upgrade(database_url).is_current


def test_the_models_say_what_the_migrations_build(database_url: str) -> None:
    assert migrations.drift(database_url) == ()


def test_what_differs_from_the_models_is_told(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("alter table feeds drop column last_error")
    assert any("last_error" in line for line in migrations.drift(database_url))


def test_history_tells_what_has_run(database_url: str) -> None:
    migrations.downgrade(database_url, "0001")
    found = migrations.history(migrations.status(database_url).current)
    assert [revision.id for revision in found] == sorted(revision.id for revision in found)
    assert [revision.applied for revision in found] == [True, *[False] * (len(found) - 1)]
    assert all(revision.summary for revision in found)


def test_a_database_with_tables_of_others_is_not_empty(database_url: str) -> None:
    assert migrations.has_tables(database_url)
    migrations.downgrade(database_url, "base")
    with psycopg.connect(database_url) as connection:
        connection.execute("drop table alembic_version")
    assert not migrations.has_tables(database_url)

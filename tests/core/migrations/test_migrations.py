"""The schema goes up, down and up again, and matches the models."""

import itertools
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, event

from core import migrations
from core.errors import Conflict, Misconfigured
from core.migrations import How, scripts
from core.queries import advisory_locks


def test_every_revision_goes_down_and_up_again(database_url: str) -> None:
    assert migrations.status(database_url).is_current
    assert migrations.downgrade(database_url, "base").current is None
    assert migrations.upgrade(database_url).is_current


def test_every_revision_goes_up_down_and_up_again_with_rows_in_the_tables(database_url: str) -> None:
    revisions = [revision.id for revision in migrations.history(None)]
    migrations.downgrade(database_url, revisions[0])
    with psycopg.connect(database_url) as connection:
        connection.execute("insert into feeds (url) values ('http://example.org')")
        connection.execute("insert into articles (feed_id, guid, content_hash) select id, '1', '' from feeds")
        connection.execute(
            "insert into article_embeddings (article_id, chunk_index, content, embedding, model)"
            " select id, 0, '', array_fill(1, array[1536])::vector, 'm' from articles"
        )
        connection.execute(
            "insert into failed_jobs (task_id, job_key, task, queue, args, kwargs, labels, attempts, exception,"
            " message, fingerprint, reason)"
            " values ('t', 'k', 'crawl_feed', 'crawl', '[]', '{}', '{}', '[]', 'E', 'm', 'f', 'r')"
        )
    for revision in revisions[1:]:
        migrations.upgrade(database_url, revision)
        migrations.downgrade(database_url, "-1")
        assert migrations.upgrade(database_url, revision).current == revision
    assert migrations.status(database_url).is_current
    with psycopg.connect(database_url) as connection:
        for table in ("feeds", "articles", "article_embeddings", "failed_jobs"):
            assert connection.execute(f"select count(*) from {table}".encode()).fetchone() == (1,), table


def test_the_models_say_what_the_migrations_build(database_url: str) -> None:
    assert migrations.drift(database_url) == ()


def test_what_differs_from_the_models_is_told(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("alter table feeds drop column last_error")
    assert any("last_error" in line for line in migrations.drift(database_url))


def test_of_two_who_migrate_at_once_one_waits_and_finds_it_done(database_url: str) -> None:
    migrations.downgrade(database_url, "base")
    with ThreadPoolExecutor() as both:
        assert all(status.is_current for status in both.map(migrations.upgrade, [database_url] * 2))


def test_who_waits_for_another_migration_is_in_nobodys_way_and_gives_up_with_a_sentence(database_url: str) -> None:
    impatient = How(wait=1.0)
    with ThreadPoolExecutor() as pool, psycopg.connect(database_url, autocommit=True) as other:
        assert advisory_locks.try_lock(other, advisory_locks.MIGRATE)
        waiting = pool.submit(migrations.upgrade, database_url, "head", impatient)
        # It would be a deadlock if the one who waits had a snapshot, as one that waits inside of Postgres has.
        other.execute("set statement_timeout = '10s'")
        other.execute("create index concurrently by_hand on feeds (title)")
        with pytest.raises(Conflict, match="Another process is migrating this database"):
            waiting.result()


def test_history_tells_what_has_run(database_url: str) -> None:
    migrations.downgrade(database_url, "0001")
    found = migrations.history(migrations.status(database_url).current)
    assert [revision.id for revision in found] == sorted(revision.id for revision in found)
    assert [revision.applied for revision in found] == [True, *[False] * (len(found) - 1)]
    assert all(revision.summary for revision in found)


def test_two_branches_are_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "alembic"
    shutil.copytree(scripts.SCRIPTS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("9001", "9002"):
        text = f'revision = "{name}"\ndown_revision = "{scripts.revisions()[0]}"\n'
        (folder / "versions" / f"{name}.py").write_text(f'"""branch"""\n\n{text}')
    monkeypatch.setattr(scripts, "SCRIPTS", folder)
    with pytest.raises(Misconfigured, match=r"have 2 heads \(.*\): `alembic merge heads` joins them"):
        scripts.revisions.__wrapped__()


def test_a_database_with_tables_of_others_is_not_empty(database_url: str) -> None:
    assert migrations.has_tables(database_url)
    migrations.downgrade(database_url, "base")
    with psycopg.connect(database_url) as connection:
        connection.execute("drop table alembic_version")
    assert not migrations.has_tables(database_url)


class Cut(Exception):
    pass


@pytest.mark.parametrize("way", ["up", "down"])
def test_what_is_built_or_dropped_beside_the_transaction_may_be_cut_short_after_each_statement(
    database_url: str, way: str
) -> None:
    left: list[str] = []

    def listen(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "CONCURRENTLY" in statement:
            done.append(statement)
            if len(done) > len(left):
                left.append(statement)
                raise Cut

    revisions = [revision.id for revision in migrations.history(None)]
    for before, revision in itertools.pairwise(revisions):
        done: list[str] = []
        left.clear()
        migrations.upgrade(database_url, revision)
        if way == "up":
            migrations.downgrade(database_url, before)
        move, to = (migrations.upgrade, revision) if way == "up" else (migrations.downgrade, before)
        event.listen(Engine, "after_cursor_execute", listen)
        try:
            while True:
                done.clear()
                try:
                    move(database_url, to)
                    break
                except Cut:
                    _spoil(database_url, left[-1])
        finally:
            event.remove(Engine, "after_cursor_execute", listen)
        migrations.upgrade(database_url, revision)
    assert migrations.drift(database_url) == ()


def _spoil(database_url: str, statement: str) -> None:
    """An index that a cut has left is not to be relied on."""
    if built := re.match(r"CREATE INDEX CONCURRENTLY (\w+) ON (\w+)", statement):
        name, table = built.groups()
        with psycopg.connect(database_url) as connection:
            connection.execute(f"drop index {name}; create index {name} on {table} (id)".encode())

"""Which lock a statement takes: against Postgres itself, which is asked after running each of them."""

import re

import psycopg
import pytest

from core.migrations import dangers, locks, statements
from core.migrations.locks import Lock
from core.migrations.scripts import revisions
from core.queries.table_sizes import TableSize

PREPARE = """
    create table author (id int primary key, name text);
    create table book (id int, author_id int, title text not null, pages int, old text);
    create index by_title on book (title);
    create unique index by_id on book (id);
    alter table book add constraint few_pages check (pages < 9000) not valid;
    create function nothing() returns trigger language plpgsql as 'begin return new; end';
    create trigger watch after insert on book for each row execute function nothing();
    insert into book select n, null, 'x', 1 from generate_series(1, 5) n;
"""
STATEMENTS = {
    "create index on book (pages)": "SHARE",
    "create unique index on book (id)": "SHARE",
    "drop index by_title": "ACCESS EXCLUSIVE",
    "alter index by_title rename to titles": "SHARE UPDATE EXCLUSIVE",
    "alter table book add column x int": "ACCESS EXCLUSIVE",
    "alter table book add x int default 3": "ACCESS EXCLUSIVE",
    "alter table book drop column old": "ACCESS EXCLUSIVE",
    "alter table book rename column old to older": "ACCESS EXCLUSIVE",
    "alter table book add constraint written foreign key (author_id) references author": "SHARE ROW EXCLUSIVE",
    "alter table book add foreign key (author_id) references author not valid": "SHARE ROW EXCLUSIVE",
    "alter table book add constraint some_pages check (pages > 0)": "ACCESS EXCLUSIVE",
    "alter table book validate constraint few_pages": "SHARE UPDATE EXCLUSIVE",
    "alter table book add primary key (id)": "ACCESS EXCLUSIVE",
    "alter table book add constraint one unique using index by_id": "ACCESS EXCLUSIVE",
    "alter table book alter column pages set not null": "ACCESS EXCLUSIVE",
    "alter table book alter column pages type bigint": "ACCESS EXCLUSIVE",
    "alter table book alter pages set statistics 500": "SHARE UPDATE EXCLUSIVE",
    "alter table book rename to books": "ACCESS EXCLUSIVE",
    "drop table book": "ACCESS EXCLUSIVE",
    "truncate book": "ACCESS EXCLUSIVE",
    "create trigger again after insert on book for each row execute function nothing()": "SHARE ROW EXCLUSIVE",
    "drop trigger watch on book": "ACCESS EXCLUSIVE",
    "delete from book where id = 1": "ROW EXCLUSIVE",
    "update book set pages = 2": "ROW EXCLUSIVE",
    "insert into book (title) values ('y')": "ROW EXCLUSIVE",
}
STRENGTH = ("ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE", "ACCESS EXCLUSIVE")


@pytest.mark.parametrize(("statement", "mode"), STATEMENTS.items())
def test_the_table_of_locks_says_what_postgres_takes(database_url: str, statement: str, mode: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(PREPARE)
        connection.commit()
        book = connection.execute("select 'book'::regclass::oid").fetchone()
        # An index's own lock is the one that counts for what is done to the index alone.
        watched = "by_title" if statement.startswith("alter index") else None
        if watched:
            book = connection.execute("select 'by_title'::regclass::oid").fetchone()
        assert book is not None
        connection.execute(statement)
        held = connection.execute(
            "select mode from pg_locks where pid = pg_backend_pid() and relation = %s", book
        ).fetchall()
        modes = [re.sub(r"(?<!^)([A-Z])", r" \1", name.removesuffix("Lock")).upper() for (name,) in held]
        strongest = max((m for m in modes if m in STRENGTH), key=STRENGTH.index)
        connection.rollback()
    (lock,) = locks.of([statement], {"by_title": "book"})
    assert (lock.mode, strongest) == (mode, mode)
    assert lock.table == "book"


@pytest.mark.parametrize(
    ("statement", "blocks", "lasts"),
    [
        ("create index concurrently i on book (pages)", "nothing", "while the index is built"),
        ("create index i on book (pages)", "writes", "while the index is built"),
        ("alter table book add column x int", "reads and writes", "a moment"),
        ("alter table book add x int default random()", "reads and writes", "while every row is written anew"),
        ("alter table book add x bigserial", "reads and writes", "while every row is written anew"),
        ("alter table book add column isbn text unique", "reads and writes", "while the index is built"),
        ("alter table book add x int references author", "reads and writes", "a moment"),
        ("alter table book add x int default 1 references author", "reads and writes", "while every row is read"),
        ("alter table book alter column pages type bigint", "reads and writes", "while every row is written anew"),
        ("alter table book alter column pages set not null", "reads and writes", "while every row is read"),
        ("alter table book add constraint c check (pages > 0) not valid", "reads and writes", "a moment"),
    ],
)  # fmt: skip
def test_how_long_a_lock_lasts_is_said(statement: str, blocks: str, lasts: str) -> None:
    (lock,) = locks.of([statement])
    assert (lock.blocks, lock.lasts) == (blocks, lasts)


def test_what_a_migration_makes_itself_is_not_in_use_yet() -> None:
    found = locks.of(["create table t (id int)", "create index i on t (id)", "alter table t add column x int not null"])
    assert [lock.table for lock in found] == [None, None, None]


def test_each_part_of_an_alter_table_is_judged() -> None:
    found = locks.of(["alter table book add column price numeric(8, 2), drop column old"])
    assert [lock.loses for lock in found] == [None, "the column old of book with what is in it"]


def test_a_statement_that_nobody_knows_is_a_danger() -> None:
    (lock,) = locks.of(["lock table book"])
    assert lock.danger == "a statement whose lock is not known here: read it"


def test_every_statement_of_our_own_revisions_is_known() -> None:
    for revision in revisions()[1]:
        for statement in (*locks.of(statements.up(revision)), *locks.of(statements.down(revision))):
            assert statement.mode != "not known", statement


BIG = {"book": TableSize("book", 2_000_000, 900 * 2**20)}
SMALL = {"book": TableSize("book", 40, 16_384)}


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("alter table book add column isbn text not null", "may not be null and has no default"),
        ("create index i on book (pages)", "not built concurrently"),
        ("alter table book drop column old", "loses the column old of book"),
        ("drop table book", "loses the table book with all its rows: 2,000,000 rows now"),
        ("alter table book alter column pages type bigint", "wait while every row is written anew"),
    ],
)
def test_what_hurts_on_a_big_table_is_named_a_danger(statement: str, words: str) -> None:
    (danger,) = dangers.dangers(locks.of([statement]), BIG)
    assert danger.severity == "danger"
    assert words in danger.text


def test_what_is_quick_on_a_small_table_is_a_warning() -> None:
    found = dangers.dangers(locks.of(["create index i on book (pages)"]), SMALL)
    assert [danger.severity for danger in found] == ["warning"]


def test_a_nullable_column_is_no_danger_at_all() -> None:
    assert dangers.dangers(locks.of(["alter table book add column isbn text"]), BIG) == ()


def test_a_lock_says_itself_in_words() -> None:
    assert Lock("", "book", "SHARE", "writes", "while the index is built").words == (
        "SHARE on book: blocks writes while the index is built"
    )
    assert Lock("", None, "none", "nothing", "a moment").words == "none on tables in use"


@pytest.mark.parametrize(
    "statement",
    [
        "alter table book drop old",
        "drop extension vector cascade",
        "drop schema public cascade",
        "drop function f() cascade",
    ],
)
def test_what_takes_data_with_it_is_never_called_harmless(statement: str) -> None:
    (lock,) = locks.of([statement])
    assert lock.loses


def test_a_block_is_for_a_person_to_read() -> None:
    (lock,) = locks.of(["do $$ begin delete from book; end $$"])
    assert lock.danger

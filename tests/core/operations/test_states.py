"""The ways between the states of an operation: the code and the database agree on every one of them."""

import datetime as dt
import itertools
from typing import Any

import psycopg
import pytest
from psycopg import errors
from psycopg.types.json import Jsonb

from core.operations.states import ACTIVE, ENDED, HELD, State, allowed

INSERT = """
    insert into operations (kind, exclusive, state, title, parameters, matters, plan, plan_hash, explored_s, expires_at,
                            proposed_by)
    values ('rebuild index', %s, %s, 't', %s, %s, %s, 'h', 0, now(), 'ada') returning id
"""


def _insert(connection: psycopg.Connection[Any], state: State, exclusive: str = "database") -> Any:
    row = connection.execute(INSERT, (exclusive, state.value, Jsonb({}), Jsonb({}), Jsonb({}))).fetchone()
    assert row is not None
    return row[0]


def test_the_database_allows_exactly_the_ways_that_the_code_allows(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        for before, after in itertools.product(State, State):
            operation = _insert(connection, before)
            moved = True
            try:
                with connection.transaction():
                    connection.execute("update operations set state = %s where id = %s", (after.value, operation))
            except errors.CheckViolation:
                moved = False
            assert moved == allowed(before, after), f"{before} → {after}"
            connection.execute("delete from operations")


def test_what_was_approved_cannot_be_changed_any_more(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        operation = _insert(connection, State.APPROVED)
        with pytest.raises(errors.CheckViolation, match="fixed once it is approved"):
            connection.execute("update operations set plan_hash = 'other' where id = %s", (operation,))


def test_two_operations_that_conflict_are_never_active_at_once(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        for first, second in itertools.product(ACTIVE, ACTIVE):
            _insert(connection, first)
            with pytest.raises(errors.UniqueViolation), connection.transaction():
                _insert(connection, second)
            _insert(connection, second, exclusive="embeddings")
            connection.execute("delete from operations")


def test_one_person_is_not_two(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        operation = _insert(connection, State.PROPOSED)
        with pytest.raises(errors.CheckViolation):
            connection.execute(
                "update operations set approved_by = 'ada', second_by = 'ada', approved_at = %s where id = %s",
                (dt.datetime.now(dt.UTC), operation),
            )


def test_every_state_is_one_of_waiting_active_or_ended() -> None:
    assert ACTIVE | ENDED | {State.PROPOSED} == set(State)
    assert not ACTIVE & ENDED
    assert HELD < ACTIVE

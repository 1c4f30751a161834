"""`signalist users` and `signalist tokens`."""

import re
from collections.abc import Callable
from typing import Any

import psycopg

Signalist = Callable[..., Any]
PASSWORD = b"correct horse battery staple\n"


def person(signalist: Signalist, name: str) -> dict[str, Any]:
    return next(row for row in signalist("users", "list", "--json").json if row["name"] == name)


def test_a_person_is_added_with_a_password_that_is_shown_once(signalist: Signalist, database_url: str) -> None:
    done = signalist("users", "add", "vera", "--role", "operator")
    assert done.code == 0
    assert done.out.startswith("vera can log in as operator.\n")
    (password,) = re.findall(r"The password is (\S{20})\n", done.out)
    assert person(signalist, "vera")["role"] == "operator"
    with psycopg.connect(database_url) as connection:
        stored = str(connection.execute("select u, r from users u, records r").fetchall())
    assert password not in stored
    assert "password" not in person(signalist, "vera")


def test_a_password_comes_in_through_stdin_and_never_as_an_argument(signalist: Signalist) -> None:
    assert signalist("users", "add", "vera", "--password-stdin", stdin=PASSWORD).out == "vera can log in as viewer.\n"
    weak = signalist("users", "add", "otto", "--password-stdin", stdin=b"short\n")
    assert (weak.code, weak.out) == (2, "")
    assert weak.err.startswith("The password is too short")


def test_a_person_is_shut_out_let_in_again_and_given_another_role(signalist: Signalist) -> None:
    signalist("users", "add", "vera")
    assert signalist("users", "disable", "vera").out == "vera is disabled, and every session of theirs has ended.\n"
    assert person(signalist, "vera")["disabled_at"] is not None
    assert "disabled" in signalist("users", "list").out
    assert signalist("users", "enable", "vera").code == 0
    assert signalist("users", "role", "vera", "admin").out == "vera is admin now.\n"
    assert person(signalist, "vera")["role"] == "admin"
    assert "The password is " in signalist("users", "password", "vera").out


def test_the_last_admin_stays(signalist: Signalist) -> None:
    signalist("users", "add", "ada", "--role", "admin")
    refused = signalist("users", "disable", "ada")
    assert refused.code == 1
    assert refused.err.startswith("That is the last admin")


def test_what_does_not_exist_is_said_in_a_sentence(signalist: Signalist) -> None:
    assert signalist("users", "disable", "nobody").err == "There is no account nobody.\n"
    assert signalist("users", "add", "a b").code == 2
    assert signalist("users", "add", "vera", "--role", "king").code == 2
    assert signalist("tokens", "revoke", "00000000-0000-4000-8000-000000000000").code == 1
    assert signalist("tokens", "revoke", "x").code == 2


def test_a_token_is_written_to_stdout_this_once_and_ends_when_it_is_revoked(signalist: Signalist) -> None:
    made = signalist("tokens", "create", "--role", "operator", "--name", "ci", "--days", "30")
    assert made.code == 0
    assert re.fullmatch(r"signalist_\S{43}\n", made.out)
    assert "is operator until " in made.err
    (row,) = signalist("tokens", "list", "--json").json
    assert (row["name"], row["role"], row["revoked_at"]) == ("ci", "operator", None)
    assert made.out.strip() not in signalist("tokens", "list", "--json").out
    assert "valid" in signalist("tokens", "list").out
    assert signalist("tokens", "revoke", row["id"]).code == 0
    assert "revoked" in signalist("tokens", "list").out
    assert signalist("tokens", "revoke", row["id"]).code == 1


def test_what_was_done_on_the_command_line_is_recorded(signalist: Signalist, database_url: str) -> None:
    signalist("users", "add", "vera")
    signalist("users", "disable", "nobody")
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("select face, action, target, outcome from records order by id").fetchall()
    assert rows == [
        ("cli", "manage users", "vera", "done"),
        ("cli", "manage users", "nobody", "failed"),
    ]

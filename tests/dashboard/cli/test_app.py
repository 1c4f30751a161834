"""What every verb has in common: help, exit codes, and one sentence for whatever goes wrong."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from dashboard.cli.app import VERBS

Signalist = Callable[..., Any]


def test_help_lists_every_verb(signalist: Signalist) -> None:
    done = signalist("--help")
    assert done.code == 0
    for verb in VERBS:
        assert verb in done.out


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(signalist: Signalist, verb: str) -> None:
    done = signalist(verb, "--help")
    assert done.code == 0
    command = get_command(import_module(f"dashboard.cli.{VERBS[verb].module}").app)
    for name, sub in command.commands.items() if isinstance(command, TyperGroup) else ():
        assert name in done.out
        assert sub.help


def test_a_wrong_verb_is_wrong_usage(signalist: Signalist) -> None:
    done = signalist("nonsense")
    assert done.code == 2
    assert done.out == ""
    assert done.err == "No such command 'nonsense'. See “signalist --help”.\n"
    done = signalist("failed", "list", "--limit", "0")
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert done.err.endswith("See “signalist failed list --help”.\n")


def test_a_wrong_setting_is_one_sentence(signalist: Signalist, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "eighty")
    done = signalist("health")
    assert done.code == 2
    assert done.err.startswith("PORT: ")
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [("health",), ("queues",), ("feeds", "list"), ("feeds", "add", "https://example.org/"), ("search", "x"),
     ("db", "status"), ("db", "upgrade", "--yes"), ("users", "list"), ("tokens", "list")],
)  # fmt: skip
def test_a_server_that_is_not_there_is_one_sentence(
    signalist: Signalist, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    for name in ("DATABASE_URL", "ADMIN_DATABASE_URL"):
        monkeypatch.setenv(name, "postgresql://somebody:hunter2hunter2@127.0.0.1:1/nothing")
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    done = signalist(*words)
    assert done.code == 3
    assert "hunter2hunter2" not in done.out + done.err
    if words != ("health",):  # which is about just that, and answers on stdout
        assert done.out == ""
        assert done.err.splitlines()[-1].endswith("cannot be reached.")
        assert "Traceback" not in done.err


def test_without_servers_it_says_how_to_start_them(signalist: Signalist, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.delenv("ADMIN_DATABASE_URL")
    done = signalist("feeds", "list")
    assert done.code == 3
    assert "Start one with `signalist up`" in done.err

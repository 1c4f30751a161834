"""Every verb that changes something says so in the record; a verb that is in neither list below was forgotten."""

import asyncio
import importlib
import itertools
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.core import TyperGroup
from typer.main import get_command

from core import queues
from core.access import LEAST, Action, Role, User, on_this_machine
from core.config import Settings
from core.db import Database
from core.operations import planning
from core.operations.kind import World
from dashboard.cli import servers
from dashboard.cli.app import VERBS

Signalist = Callable[..., Any]
# What runs until it is stopped, or builds what the record is kept in: nobody's action.
PROCESSES = {"up", "demo", "dashboard", "worker", "scheduler", "db init"}
READING = {
    *("health", "search", "queues", "workers", "feeds list", "feeds export"),
    *("failed list", "failed groups", "failed show"),
    *("index stats", "index plan", "operations list", "operations show", "users list", "tokens list", "sessions list"),
    *("failed actions", "failed export", "record", "db status", "db history", "db diff", "db plan"),
}
# Of those that change something: the words after the verb, and what the record calls it. {…} stands for an id.
CHANGING = {
    "feeds add": ("https://example.org/new", "edit feeds"),
    "feeds import": ("{opml}", "edit feeds"),
    "feeds crawl": ("--all", "crawl feed"),
    "feeds remove": ("https://example.org/ --yes", "edit feeds"),
    "failed retry": ("{job}", "retry jobs"),
    "failed discard": ("{job}", "discard jobs"),
    "failed reopen": ("{job}", "discard jobs"),
    "failed edit": ("{job} [1]", "edit job"),
    "failed cancel": ("{token}", "retry jobs"),
    "failed proceed": ("{token}", "retry jobs"),
    "queues pause": ("crawl", "pause queue"),
    "queues resume": ("crawl", "pause queue"),
    "queues purge": ("crawl --yes", "purge queue"),
    "workers drain": ("nobody", "drain worker"),
    "workers resume": ("nobody", "drain worker"),
    "workers recycle": ("nobody", "drain worker"),
    "users add": ("vera", "manage users"),
    "users role": ("otto admin", "manage users"),
    "users password": ("otto", "manage users"),
    "users disable": ("otto", "manage users"),
    "users enable": ("otto", "manage users"),
    "tokens create": ("--role viewer", "manage tokens"),
    "tokens revoke": ("{token}", "manage tokens"),
    "sessions end": ("{session}", "end sessions"),
    "index recall": ("", "plan operation"),
    "index rebuild": ("--yes", "plan operation"),
    "index reembed": ("--yes", "plan operation"),
    "index drop": ("left_over --yes", "plan operation"),
    "operations pause": ("{operation}", "cancel operation"),
    "operations resume": ("{operation}", "approve operation"),
    "operations cancel": ("{operation}", "cancel operation"),
    "operations approve": ("{operation} --yes", "approve operation"),
    "db downgrade": ("0002 --yes", "approve operation that loses data"),
    "db upgrade": ("--yes", "approve operation"),
}


def verbs() -> Iterator[str]:
    """Every command that can be typed."""
    for name in VERBS:
        command = get_command(importlib.import_module(f"dashboard.cli.{VERBS[name].module}").app)
        if not isinstance(command, TyperGroup) or command.invoke_without_command:
            yield name
        if isinstance(command, TyperGroup):
            yield from (f"{name} {verb}" for verb in command.commands)


def test_every_verb_is_known_to_read_or_to_change() -> None:
    known = [*PROCESSES, *READING, *CHANGING]
    assert sorted(verbs()) == sorted(known)


@pytest.fixture
def ids(database_url: str, redis_url: str, tmp_path: Path) -> dict[str, str]:
    """One of everything."""
    opml = tmp_path / "feeds.opml"
    opml.write_text("<opml><body><outline type='rss' xmlUrl='https://example.org/two'/></body></opml>")
    found = {"opml": str(opml), "token": str(uuid.uuid4())}
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "with feed as (insert into feeds (url) values ('https://example.org/') returning id), article as ("
            " insert into articles (feed_id, guid, content_hash) select id, '1', '' from feed returning id)"
            " insert into article_embeddings (article_id, chunk_index, content, embedding, model)"
            " select id, 0, '', array_fill(0.1, array[1536])::vector, 'wordllama-256' from article"
        )
        (session,) = connection.execute(
            "with otto as (insert into users (name, role, password_hash) values ('otto', 'operator', '') returning id)"
            " insert into sessions (user_id, token_hash, expires_at) select id, '', now() + interval '1 h' from otto"
            " returning id"
        ).fetchone()
        found["session"] = str(session)
        (job,) = connection.execute(
            "insert into failed_jobs (task_id, job_key, task, queue, args, kwargs, labels, attempts, exception,"
            " message, fingerprint, reason) values ('1', 'k', 't', 'embed', '[]', '{}', '{}', '[]', 'E', 'm', 'f', 'r')"
            " returning id"
        ).fetchone()
        found["job"] = str(job)
    found["operation"] = asyncio.run(_operation(database_url, redis_url))
    return found


async def _operation(database_url: str, redis_url: str) -> str:
    database, redis = Database(database_url, application="test"), queues.connect(redis_url)
    row = await planning.plan(World(Settings(), database, redis), on_this_machine("x"), "cli", "rebuild index", {})
    await redis.aclose()
    await database.close()
    return str(row.id)


def test_every_verb_that_changes_something_leaves_a_record(
    signalist: Signalist, ids: dict[str, str], database_url: str
) -> None:
    for verb, (words, action) in CHANGING.items():
        before = records(database_url)
        done = signalist(*verb.split(), *words.format(**ids).split(), stdin=b"")
        # Refused or failed is a story too: a plan that nobody can approve, an index that is not there.
        new = records(database_url)[len(before) :]
        assert [row for row in new if row[:2] == ("cli", action)], (verb, new, done)


def test_every_verb_asks_who_types(
    signalist: Signalist, ids: dict[str, str], database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Somebody else each time: who is refused again and again does not fill the record.
    people = itertools.count()
    monkeypatch.setattr(servers, "on_this_machine", lambda login: User(None, f"{login} {next(people)}", Role.VIEWER))
    for verb, (words, _) in CHANGING.items():
        before = records(database_url)
        done = signalist(*verb.split(), *words.format(**ids).split(), stdin=b"")
        new = records(database_url)[len(before) :]
        if verb == "db upgrade":
            # Which it is: nothing was undone before.
            assert "The schema is current" in done.out
            continue
        assert (done.code, {row[3] for row in new}) == (1, {"refused"}), (verb, done)
        assert done.err.startswith("To "), verb
    monkeypatch.setitem(LEAST, Action.VIEW, Role.ADMIN)
    monkeypatch.setitem(LEAST, Action.SEARCH, Role.ADMIN)
    for verb in sorted(READING):
        done = signalist(
            *verb.split(),
            *{"search": ["x"], "failed show": ["x"], "operations show": [ids["operation"]]}.get(verb, []),
            stdin=b"",
        )
        assert (done.code, done.out) == (1, ""), (verb, done)
        assert "To view you need the role admin" in done.err, verb


def test_the_record_is_told_at_the_command_line(signalist: Signalist) -> None:
    for verb in ("pause", "resume"):
        assert signalist("queues", verb, "crawl").code == 0
    told = signalist("record", "--action", "pause queue", "--outcome", "done", "--since", "1h", "--text", "resume")
    (_, line) = told.out.splitlines()
    assert "pause queue: resume" in line
    (newest, first) = signalist("record", "--json").json
    assert (first["face"], first["target"], first["details"]) == ("cli", "crawl", {"verb": "pause"})
    assert newest["id"] > first["id"]
    assert signalist("record", "--json", "--actor", "nobody").json == []
    assert "There are more than 1" in signalist("record", "--limit", "1").out
    assert signalist("record", "--action", "dance").code == 2


def records(url: str) -> list[tuple[str, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute("select face, action, target, outcome from records order by id").fetchall()

"""`signalist queues`."""

import asyncio
from collections.abc import Callable
from typing import Any

import psycopg

from core import queues

Signalist = Callable[..., Any]
AtATerminal = Callable[..., Any]


def states(signalist: Signalist) -> dict[str, bool]:
    return {queue["name"]: queue["paused"] for queue in signalist("queues", "--json").json}


def test_every_queue_is_listed(signalist: Signalist) -> None:
    done = signalist("queues")
    assert done.code == 0
    for name in ("crawl", "embed", "summarise", "ops"):
        assert name in done.out
    (first, *_) = signalist("queues", "--json").json
    assert set(first) == {"name", "waiting", "running", "delayed", "oldest_wait_s", "paused", "done", "failed"}
    assert first["oldest_wait_s"] is None


def test_a_queue_is_paused_and_resumed_and_it_is_on_record(signalist: Signalist, database_url: str) -> None:
    assert signalist("queues", "pause", "embed").code == 0
    assert states(signalist) == {"crawl": False, "embed": True, "summarise": False, "ops": False}
    assert "paused" in signalist("queues").out
    assert signalist("queues", "resume", "embed").code == 0
    assert not any(states(signalist).values())
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("select face, action, target, outcome from records order by id").fetchall()
    assert rows == [("cli", "pause queue", "embed", "done")] * 2


def test_a_queue_that_is_not_there_is_refused(signalist: Signalist) -> None:
    done = signalist("queues", "pause", "nonsense")
    assert done.code == 2
    assert done.err == "There is no queue 'nonsense': the queues are crawl, embed, summarise, ops.\n"


def test_purging_says_what_it_would_delete_and_needs_the_name_or_yes(
    signalist: Signalist, database_url: str, redis_url: str
) -> None:
    async def fill() -> None:
        redis = queues.connect(redis_url)
        await queues.enqueue(redis, queues.generate_embeddings("a"))
        await queues.enqueue(redis, queues.generate_embeddings("b"), delay=60)
        await redis.aclose()

    asyncio.run(fill())
    asked = signalist("queues", "purge", "embed")
    assert asked.code == 2
    assert asked.err == (
        "This deletes 1 waiting and 1 delayed job of embed, as of now. No job runs. "
        "Nobody is there to answer: add --yes.\n"
    )
    assert sum(queue["waiting"] + queue["delayed"] for queue in signalist("queues", "--json").json) == 2
    done = signalist("queues", "purge", "embed", "--yes")
    assert (done.code, done.out) == (0, "1 waiting and 1 delayed job of embed are deleted.\n")
    assert not any(queue["waiting"] or queue["delayed"] for queue in signalist("queues", "--json").json)
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("select face, action, target, outcome from records order by id").fetchall()
    assert rows == [("cli", "purge queue", "embed", "done")]


def test_the_name_is_typed_again_at_a_terminal(at_a_terminal: AtATerminal) -> None:
    wrong = at_a_terminal("Embed", "queues", "purge", "embed")
    assert wrong.code == 2
    assert wrong.err.endswith("Nothing was deleted: the name that was typed is not 'embed'.\n")
    right = at_a_terminal("embed", "queues", "purge", "embed")
    assert right.code == 0
    assert "Nothing of embed waits or is delayed now" in right.out
    assert "sent again by the scheduler" in right.out


def test_a_queue_that_is_not_there_is_not_purged(signalist: Signalist) -> None:
    for words in ((), ("--yes",)):
        done = signalist("queues", "purge", "nonsense", *words)
        assert done.code == 2
        assert done.err == "There is no queue 'nonsense': the queues are crawl, embed, summarise, ops.\n"

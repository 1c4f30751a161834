"""`signalist queues`."""

from collections.abc import Callable
from typing import Any

import psycopg

Signalist = Callable[..., Any]


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

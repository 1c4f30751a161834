"""`signalist health`."""

import asyncio
import datetime as dt
import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from core.queues import WorkerBeat, connect
from core.queues.beats import beat_worker

Signalist = Callable[..., Any]


def test_without_workers_it_is_unhealthy_and_says_so(signalist: Signalist) -> None:
    done = signalist("health")
    assert done.code == 1
    assert done.out.startswith("Signalist is unhealthy.")
    assert "No worker is alive" in done.out


def test_json_has_the_documented_shape(signalist: Signalist) -> None:
    done = signalist("health", "--json")
    assert done.code == 1
    assert set(done.json) == {"status", "checks", "timestamp"}
    assert list(done.json["checks"]) == ["database", "redis", "queue", "workers", "scheduler", "migrations"]
    assert done.json["checks"]["database"]["status"] == "healthy"
    for check in done.json["checks"].values():
        assert set(check) == {"status", "latency_ms", "checked_at", "detail"}


def test_a_redis_that_is_not_there_is_named(signalist: Signalist, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    done = signalist("health", "--json")
    assert done.code == 3
    assert done.json["checks"]["redis"]["status"] == "unhealthy"
    assert done.json["checks"]["database"]["status"] == "healthy"


def test_one_check_can_be_asked_for_alone(signalist: Signalist) -> None:
    assert signalist("health", "database", "migrations").code == 0
    assert list(signalist("health", "workers", "--json").json["checks"]) == ["workers"]
    wrong = signalist("health", "weather")
    assert (wrong.code, wrong.err.startswith("There is no check weather")) == (2, True)


def test_a_container_asks_for_its_own_workers_alone(signalist: Signalist, redis_url: str) -> None:
    now = dt.datetime.now(dt.UTC)
    beat = WorkerBeat("a", "another-host", 1, now, now, memory_mb=1.0, slots=8, busy=0, jobs=())

    async def tell(one: WorkerBeat) -> None:
        redis = connect(redis_url)
        await beat_worker(redis, one)
        await redis.aclose()

    asyncio.run(tell(beat))
    assert signalist("health", "workers").code == 0
    assert signalist("health", "workers", "--here").code == 1
    asyncio.run(tell(replace(beat, name="b", host=socket.gethostname())))
    assert signalist("health", "workers", "--here").code == 0

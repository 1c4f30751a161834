"""`signalist health`."""

from collections.abc import Callable
from typing import Any

import pytest

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

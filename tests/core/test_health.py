"""Each check says its reason; the verdict is the worst of them; unknown is never good news."""

import datetime as dt
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from core import health, reading
from core.attention import find
from core.health import Status
from core.migrations import MigrationStatus
from core.operations.plan import Plan
from core.operations.states import State
from core.queries.articles import Progress
from core.queries.count import Count
from core.queries.failed_groups import FailedGroup
from core.queries.failed_summary import FailedSummary
from core.queries.feeds import FeedCounts
from core.queries.operations import HELD_UP_BY, OperationRow
from core.queries.server import DatabaseFacts
from core.queries.vector_index import VectorTable
from core.queues import QUEUES, QueueDepth, RedisFacts, SchedulerBeat, WorkerBeat
from core.readings import Readings

T = TypeVar("T")
NOW = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
NINE = dt.timedelta(minutes=9)


def known(value: T) -> reading.Reading[T]:
    return reading.succeeded(value, NOW, 0.4)


def queue(name: str = "embed", **changes: object) -> QueueDepth:
    calm = QueueDepth(name=name, waiting=0, running=0, delayed=0, oldest_wait_s=None, paused=False, done=0, failed=0)
    return replace(calm, **changes)


WELL = Readings(
    database=known(DatabaseFacts("18.4", "0.8.5", 3, 100)),
    redis=known(RedisFacts("9.1.2", 2**20, 2**28)),
    queues=known([queue(name) for name in QUEUES]),
    workers=known([WorkerBeat("w1", "host", 1, NOW, NOW, 120.0, 10, 4, ())]),
    scheduler=known(SchedulerBeat("s1", 2)),
    migrations=known(MigrationStatus("0001", "0001", (), ahead=False)),
    failed=known(FailedSummary(Count(0), Count(0))),
    feeds=known(FeedCounts(1, 1, 0, 0, 0, 10, None, NOW)),
    embedding=known(Progress(Count(0), None)),
    summaries=known(Progress(Count(0), None)),
    newest_article=known(NOW),
    index=known(VectorTable(10, 0, 8192, 8192, None, None, ())),
    measured=known(None),
    operations=known(()),
    history=known(()),
)


def status(name: str, readings: Readings) -> Status:
    return health.judge(readings, NOW).check(name).status


def test_all_well_is_healthy_and_needs_nobody() -> None:
    verdict = health.judge(WELL, NOW)
    assert verdict.status is Status.HEALTHY
    assert find(WELL, verdict) == ()


def test_a_silent_postgres_is_unhealthy_and_says_why() -> None:
    lost = replace(WELL, database=reading.failed(WELL.database, "Postgres cannot be reached.", NOW))
    verdict = health.judge(lost, NOW)
    assert verdict.status is Status.UNHEALTHY
    assert verdict.check("database").detail == "Postgres cannot be reached."
    assert find(lost, verdict)[0].tag == "Postgres"


def test_what_only_redis_knows_is_unknown_not_fine_without_it() -> None:
    gone = replace(WELL, queues=reading.failed(WELL.queues, "Redis cannot be reached.", NOW))
    assert status("queue", gone) is Status.UNKNOWN
    assert health.judge(gone, NOW).status is Status.DEGRADED


def test_a_full_redis_is_degraded_before_it_refuses_jobs() -> None:
    assert status("redis", replace(WELL, redis=known(RedisFacts("9.1.2", 90, 100)))) is Status.DEGRADED


@pytest.mark.parametrize(
    ("waited", "expected"), [(4.0, Status.HEALTHY), (301.0, Status.DEGRADED), (1801.0, Status.UNHEALTHY)]
)
def test_a_queue_is_judged_by_its_oldest_job(waited: float, expected: Status) -> None:
    assert status("queue", replace(WELL, queues=known([queue(waiting=3, oldest_wait_s=waited)]))) is expected


def test_a_paused_queue_is_degraded_and_named_however_long_it_waits() -> None:
    paused = replace(WELL, queues=known([queue(waiting=3, oldest_wait_s=9999.0, paused=True)]))
    verdict = health.judge(paused, NOW)
    assert verdict.check("queue").detail == "embed is paused."
    assert verdict.status is Status.DEGRADED
    assert [a.tag for a in find(paused, verdict)] == ["Paused"]


def test_no_worker_means_that_nothing_runs() -> None:
    assert status("workers", replace(WELL, workers=known([]))) is Status.UNHEALTHY


def test_where_every_worker_is_drained_nothing_begins_and_that_is_said() -> None:
    drained = replace(WELL.workers.value[0], drained=True)
    assert status("workers", replace(WELL, workers=known([drained, replace(drained, drained=False)]))) is Status.HEALTHY
    all_of_them = replace(WELL, workers=known([drained]))
    verdict = health.judge(all_of_them, NOW)
    assert verdict.check("workers").detail == "1 worker alive, and none takes jobs: resume one on the page Workers."
    (item,) = find(all_of_them, verdict)
    assert (item.severity, item.detail) == (Status.DEGRADED, "Jobs are accepted and wait.")


def test_a_scheduler_that_is_gone_is_degraded() -> None:
    assert status("scheduler", replace(WELL, scheduler=known(None))) is Status.DEGRADED


def test_a_pending_revision_and_a_newer_database_are_degraded_an_empty_one_unhealthy() -> None:
    def schema(*args: object, ahead: bool = False) -> Readings:
        return replace(WELL, migrations=known(MigrationStatus(*args, ahead=ahead)))

    assert status("migrations", schema("0001", "0002", ("0002",))) is Status.DEGRADED
    assert status("migrations", schema("0009", "0002", (), ahead=True)) is Status.DEGRADED
    assert status("migrations", schema(None, "0002", ("0001", "0002"))) is Status.UNHEALTHY


def test_failures_are_named_by_cause_in_the_attention_list() -> None:
    group = FailedGroup(
        "f1", "RateLimitError", "429.", ("generate_embeddings",), 37, NOW - dt.timedelta(minutes=9), NOW
    )
    failing = replace(WELL, failed=known(FailedSummary(Count(37), Count(1), (group,))))
    item = find(failing, health.judge(failing, NOW))[0]
    assert (item.tag, item.headline) == ("37 failed", "generate_embeddings: RateLimitError")
    assert item.detail.endswith("First seen 9 min ago.")
    healed = FailedSummary(Count(37), Count(1), (replace(group, succeeded_since=1, crawled_since=2, looked_at=20),))
    item = find(replace(failing, failed=known(healed)), health.judge(failing, NOW))[0]
    assert item.detail.endswith("1 retried job succeeded since. Of the newest 20, the feeds of 2 were crawled since.")


PLAN = Plan("Rebuild", "It is too small.", (), *("none",) * 3, "a minute", "it finds more", "`signalist index rebuild`")


def operation(state: State, **changes: object) -> Readings:
    unset: dict[str, Any] = dict.fromkeys(OperationRow.__dataclass_fields__)
    said = {"kind": "rebuild index", "title": "Rebuild", "plan": PLAN, "plan_hash": "", "result": {}, "expired": False}
    return replace(WELL, operations=known((OperationRow(**unset | said | {"state": state} | changes),)))


@pytest.mark.parametrize(
    ("waits", "tag", "detail"),
    [
        (
            operation(State.RUNNING, result={HELD_UP_BY: {"7": "pid 7 (psql, ada, idle in transaction)"}}),
            "Held up",
            "Waits for pid 7 (psql, ada, idle in transaction). “select pg_terminate_backend(7)” ends it.",
        ),
        (
            operation(State.PROPOSED),
            "Index",
            "It is too small. Takes a minute; way back: “signalist index rebuild”.",
        ),
        (operation(State.FAILED, outcome="`drop index x` is left to do."), "Failed", "“drop index x” is left to do."),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_operation_that_needs_somebody_says_what_to_do(waits: Readings, tag: str, detail: str) -> None:
    (item,) = find(waits, health.judge(waits, NOW))
    assert (item.tag, item.detail) == (tag, detail)


def test_a_stranger_learns_the_status_and_nothing_else() -> None:
    verdict = health.judge(WELL, NOW)
    public, private = health.report(verdict, details=False), health.report(verdict, details=True)
    assert set(public["checks"]) == set(health.CHECKS)
    assert all(check == {"status": "healthy"} for check in public["checks"].values())
    assert set(private["checks"]["database"]) == {"status", "latency_ms", "checked_at", "detail"}

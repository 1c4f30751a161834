"""What needs a person, worst first. Pure: each finder looks at one thing and says it in a sentence."""

import datetime as dt
import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from core.health import Health, Status
from core.operations.states import State
from core.phrases import counted, duration, listed
from core.queries.failed_groups import FailedGroup
from core.queries.feeds import FAILING_AFTER
from core.readings import Readings

# After that it is old news: the jobs are in the list, and the cause of their failure stands above.
STOPPED_FOR = dt.timedelta(hours=1)


@dataclass(frozen=True)
class Attention:
    """`tag` is a word or two, `headline` and `detail` are sentences; `link` is where a person can act on it.

    `cause`: these are failed jobs of this cause, `number` of them, which can be retried on the spot. `operation`: a
    plan that can be approved on the spot, the hash of what is approved then, and what kind of operation it is.
    """

    kind: str
    severity: Status
    tag: str
    headline: str
    detail: str
    link: str
    link_text: str
    cause: str = ""
    number: int = 0
    operation: uuid.UUID | None = None
    plan_hash: str = ""
    kind_of_operation: str = ""


def find(readings: Readings, health: Health) -> Sequence[Attention]:
    """Everything that needs a person, the worst first, and within that in the order of the finders."""
    found = [
        *_servers(health),
        *_failed(readings),
        *_stopped(readings),
        *_queues(readings),
        *map(_quoting, _operations(readings)),
        *_migrations(readings, health),
        *_feeds(readings),
    ]
    return tuple(sorted(found, key=lambda a: a.severity is not Status.UNHEALTHY))


def _servers(health: Health) -> Iterator[Attention]:
    titles = {"database": "Postgres", "redis": "Redis", "workers": "Workers", "scheduler": "Scheduler"}
    effects = {
        "database": "Nothing can be read or stored. Jobs wait in Redis and are retried; none is lost.",
        "redis": "No job can start. What was accepted is kept; what is missing is found again when it returns.",
        "workers": "Jobs are accepted and wait."
        + (" Start one with “signalist worker”." if health.check("workers").status is Status.UNHEALTHY else ""),
        "scheduler": "Jobs run, but no feed becomes due. Start it with “signalist scheduler”.",
    }
    for name, title in titles.items():
        check = health.check(name)
        if check.status in {Status.UNHEALTHY, Status.DEGRADED}:
            yield Attention("service", check.status, title, check.detail, effects[name], "/#health", "Show checks")


def _failed(readings: Readings) -> Iterator[Attention]:
    summary = readings.failed.value
    if not readings.failed.ok or summary is None:
        return
    for group in summary.groups:
        age = duration((readings.failed.tried_at - group.first_seen).total_seconds())
        yield Attention(
            "failed",
            Status.DEGRADED,
            f"{group.count:,} failed",
            f"{listed(group.tasks)}: {group.exception.rpartition('.')[2]}",
            f"{group.message.rstrip('.')}. First seen {age} ago.{_worked_since(group)}",
            f"/failed?cause={group.fingerprint}",
            "Inspect",
            cause=group.fingerprint,
            number=group.count,
        )


def _worked_since(group: FailedGroup) -> str:
    """What is known, and no more: whether a retry passes is only seen when it is tried."""
    retried, crawled = group.succeeded_since, group.crawled_since
    said = f" {counted(retried, 'retried job')} succeeded since." if retried else ""
    if crawled and group.looked_at == 1:
        return f"{said} The feed was crawled since."
    return said + (f" Of the newest {group.looked_at}, the feeds of {crawled} were crawled since." if crawled else "")


def _stopped(readings: Readings) -> Iterator[Attention]:
    """Retries that ended themselves, because what they had sent first failed again."""
    summary = readings.failed.value
    for action in summary.actions if readings.failed.ok and summary is not None else ():
        if action.state == "stopped" and readings.failed.tried_at - action.created_at < STOPPED_FOR:
            headline = f"A retry by {action.actor} has stopped"
            yield Attention(
                "failed",
                Status.DEGRADED,
                "Stopped",
                headline,
                action.reason or "",
                f"/failed?action={action.id}",
                "Inspect",
            )


def _queues(readings: Readings) -> Iterator[Attention]:
    for queue in readings.queues.value or () if readings.queues.ok else ():
        if queue.paused:
            detail = f"{counted(queue.waiting, 'job')} waiting. Running jobs finish; nothing new starts."
            yield Attention(
                "queue", Status.DEGRADED, "Paused", f"Queue {queue.name} is paused", detail, "/queues", "Open queues"
            )


_TAGS = {
    "rebuild index": "Index",
    "drop invalid index": "Index",
    "embed articles": "Embeddings",
    "upgrade schema": "Migration",
}


def _operations(readings: Readings) -> Iterator[Attention]:
    for row in readings.operations.value or () if readings.operations.ok else ():
        tag, address = _TAGS.get(row.kind, "Operation"), f"/operations/{row.id}"
        match row.state:
            case State.PROPOSED if not row.expired:
                who = f" Approved by {row.approved_by}; a second person must, too." if row.waits_for_second else ""
                danger = next((d.text for d in row.plan.dangers if d.severity == "danger"), None)
                detail = (
                    f"Danger: {danger}." if danger else f"Takes {row.plan.duration}; way back: {row.plan.rollback}."
                )
                on_the_spot = row.plan.loses is None and danger is None
                yield Attention(
                    "operation",
                    Status.DEGRADED,
                    tag,
                    row.title,
                    f"{row.plan.summary} {detail}{who}",
                    address,
                    "Review plan",
                    operation=row.id if on_the_spot else None,
                    plan_hash=row.plan_hash if on_the_spot else "",
                    kind_of_operation=row.kind,
                )
            case State.PAUSED:
                detail = f"{(row.note or 'paused').capitalize()}. Resume it or cancel it."
                yield Attention("operation", Status.DEGRADED, "Paused", row.title, detail, address, "Open")
            case State.FAILED:
                yield Attention(
                    "operation", Status.UNHEALTHY, "Failed", row.title, row.outcome or "", address, "What happened"
                )
            case _ if row.held_up:
                yield Attention("operation", Status.DEGRADED, "Held up", row.title, row.held_up, address, "Open")
            case _:
                pass


def _quoting(item: Attention) -> Attention:
    """What an operation has between backticks is to be typed: pages set it apart, this list quotes it."""
    return replace(item, detail=re.sub("`([^`]*)`", r"“\1”", item.detail))


def _migrations(readings: Readings, health: Health) -> Iterator[Attention]:
    # With the tables for it, there is a plan to review instead.
    if any(row.kind == "upgrade schema" for row in readings.operations.value or ()):
        return
    check = health.check("migrations")
    if check.status in {Status.UNHEALTHY, Status.DEGRADED}:
        detail = "“signalist db status” lists them; “signalist db upgrade” applies them."
        yield Attention("migration", check.status, "Migration", check.detail, detail, "/#health", "Show checks")


def _feeds(readings: Readings) -> Iterator[Attention]:
    counts = readings.feeds.value
    if not readings.feeds.ok or counts is None or not counts.failing:
        return
    yield Attention(
        "feeds",
        Status.DEGRADED,
        "Feeds",
        f"{counted(counts.failing, 'feed')} failed at least {FAILING_AFTER} crawls in a row",
        "Each is tried less and less often, up to once a day.",
        "/feeds?state=failing",
        "Show",
    )

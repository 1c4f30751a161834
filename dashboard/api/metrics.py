"""`/metrics`: the poller's snapshot for Prometheus. What is not known is left out: it is not zero."""

import asyncio
import datetime as dt
from collections.abc import Iterator, Mapping
from importlib import metadata
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response
from nicegui import Client
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from core.errors import RedisUnavailable
from core.health import Status
from core.indexes.recall import target_of
from core.operations.states import State
from core.queues import tallies
from core.queues.tallies import BUCKETS, Histogram, Tallies
from core.readings import DEADLINE_S, Readings
from core.snapshot import Snapshot
from dashboard.api.access import Viewer
from dashboard.context import context
from dashboard.poller import Poller

router = APIRouter(tags=["health"])
# The ended ones are not read by every poll, but for those that failed lately.
SHOWN_STATES = (
    State.PROPOSED,
    State.APPROVED,
    State.RUNNING,
    State.VERIFYING,
    State.PAUSED,
    State.ROLLING_BACK,
    State.FAILED,
)


# Also those that no crawl brought yet: a rate begins at 0.
CRAWLS = ("new", "nothing new", "failed", "unreachable")


@router.get("/metrics", summary="Everything that is counted or measured, for Prometheus")
async def metrics(_user: Viewer) -> Response:
    try:
        async with asyncio.timeout(DEADLINE_S):
            counted = await tallies.read(context().redis)
    except (RedisUnavailable, TimeoutError):
        counted = None
    registry = CollectorRegistry()
    registry.register(Families(context().poller, counted))
    return Response(generate_latest(registry), 200, {"Cache-Control": "no-store"}, CONTENT_TYPE_LATEST)


class Families(Collector):
    """What is known at the moment, family by family."""

    def __init__(self, poller: Poller, counted: Tallies | None) -> None:
        self._poller, self._counted = poller, counted

    def collect(self) -> Iterator[Metric]:
        yield _gauge("signalist_build_info", "1, with the version.", {(metadata.version("signalist"),): 1}, "version")
        pages = sum(client.has_socket_connection for client in list(Client.instances.values()))
        yield _gauge("signalist_open_pages", "Pages that are open in browsers.", {(): pages})
        yield from _poller(self._poller)
        if self._poller.latest is not None:
            yield from families(self._poller.latest)
        if self._counted is not None:
            yield from totals(self._counted)


def families(snapshot: Snapshot) -> Iterator[Metric]:
    """What one snapshot says. Pure."""
    read = snapshot.readings
    yield _gauge("signalist_snapshot_timestamp_seconds", "When this was read.", {(): snapshot.at.timestamp()})
    statuses = {
        (check.name, status): float(check.status is status) for check in snapshot.health.checks for status in Status
    }
    yield _gauge("signalist_check_status", "1 for the status that a check has.", statuses, "check", "status")
    servers = {"postgres": read.database, "redis": read.redis}
    latencies = {(name,): reading.latency_ms / 1000 for name, reading in servers.items() if reading.ok}
    yield _gauge("signalist_server_latency_seconds", "A trivial question to a server.", latencies, "server")
    yield _gauge("signalist_attention", "Things that need a person.", {(): len(snapshot.attention)})
    yield from _queues(read)
    yield from _workers(read)
    yield from _failed_jobs(read)
    yield from _pipeline(read)
    yield from _index(read)
    yield from _infrastructure(read)


def _poller(poller: Poller) -> Iterator[Metric]:
    lag = {(): poller.age(dt.datetime.now(dt.UTC))}
    yield _gauge("signalist_poller_lag_seconds", "How old what the screens show is, or the wait for a first one.", lag)
    if poller.took_s is not None:
        took = {(): poller.took_s}
        yield _gauge("signalist_poller_duration_seconds", "How long the last reading and its showing took.", took)


def totals(counted: Tallies) -> Iterator[Metric]:
    """What Redis has counted. Pure."""
    yield _histogram("signalist_job_wait_seconds", "From when a job was due until it began.", counted.waited)
    yield _histogram("signalist_job_duration_seconds", "How long the last attempt of a job ran.", counted.ran)
    crawls = CounterMetricFamily("signalist_crawls", "Crawls, by what they brought.", labels=("result",))
    for result in CRAWLS:
        crawls.add_metric((result,), counted.crawls.get(result, 0))
    yield crawls
    what = "Tokens that embedding articles has cost, as the service counts them."
    tokens = CounterMetricFamily("signalist_embedding_tokens", what, labels=("model",))
    for model, number in counted.tokens.items():
        tokens.add_metric((model,), number)
    yield tokens


def _histogram(name: str, what: str, queues: Mapping[str, Histogram]) -> HistogramMetricFamily:
    family = HistogramMetricFamily(name, what, labels=("queue",))
    for queue, found in queues.items():
        family.add_metric((queue,), list(zip(BUCKETS, found.cumulative, strict=True)), found.total_s)
    return family


def _queues(read: Readings) -> Iterator[Metric]:
    if not read.queues.ok or read.queues.value is None:
        return
    depths = read.queues.value
    jobs = {(d.name, state): getattr(d, state) for d in depths for state in ("waiting", "running", "delayed")}
    yield _gauge("signalist_queue_jobs", "Jobs in a queue.", jobs, "queue", "state")
    oldest = {(d.name,): d.oldest_wait_s or 0.0 for d in depths}
    yield _gauge("signalist_queue_oldest_wait_seconds", "How long the oldest waiting job waits.", oldest, "queue")
    yield _gauge("signalist_queue_paused", "1 for a paused queue.", {(d.name,): d.paused for d in depths}, "queue")
    ended = CounterMetricFamily("signalist_jobs", "Jobs that ended.", labels=("queue", "outcome"))
    for depth in depths:
        ended.add_metric((depth.name, "done"), depth.done)
        ended.add_metric((depth.name, "failed"), depth.failed)
    yield ended


def _workers(read: Readings) -> Iterator[Metric]:
    if read.workers.ok and read.workers.value is not None:
        beats = read.workers.value
        yield _gauge("signalist_workers", "Worker processes that are alive.", {(): len(beats)})
        slots = {("busy",): sum(b.busy for b in beats), ("free",): sum(b.slots - b.busy for b in beats)}
        yield _gauge("signalist_worker_slots", "Jobs that workers run, and could run beside them.", slots, "state")
        # Their names change whenever one is replaced: each would be a series of its own.
        memory = {(): max((b.memory_mb for b in beats), default=0.0) * 2**20}
        yield _gauge("signalist_worker_memory_bytes", "Resident memory of the largest worker process.", memory)
    if read.scheduler.ok and read.scheduler.value is not None:
        seen = read.scheduler.tried_at.timestamp() - read.scheduler.value.seen_s_ago
        yield _gauge("signalist_scheduler_seen_timestamp_seconds", "The last sign of life.", {(): seen})


def _failed_jobs(read: Readings) -> Iterator[Metric]:
    if read.failed.ok and read.failed.value is not None:
        summary = read.failed.value
        yield _gauge("signalist_failed_jobs", "Jobs that gave up and wait for a person.", {(): summary.open.value})
        yield _gauge("signalist_failed_jobs_causes", "Causes that they have.", {(): summary.causes.value})
        # The largest only: a cause is a label that nobody bounds.
        causes = {(group.fingerprint, group.exception): group.count for group in summary.groups}
        what = "Those of the largest causes."
        yield _gauge("signalist_failed_jobs_by_cause", what, causes, "cause", "exception")
        queues = {(tally.name,): tally.number for tally in summary.queues}
        yield _gauge("signalist_failed_jobs_by_queue", "Those that came out of a queue.", queues, "queue")


def _pipeline(read: Readings) -> Iterator[Metric]:
    if read.feeds.ok and read.feeds.value is not None:
        counts = read.feeds.value
        feeds = {(state,): getattr(counts, state) for state in ("enabled", "disabled", "failing", "due")}
        yield _gauge("signalist_feeds", "Feeds; failing and due ones are among the enabled.", feeds, "state")
        yield _gauge("signalist_articles", "Articles that are stored.", {(): counts.articles})
    steps = {"embed": read.embedding, "summarise": read.summaries}
    waiting = {(step,): r.value.waiting.value for step, r in steps.items() if r.ok and r.value is not None}
    yield _gauge("signalist_articles_waiting", "Articles that a step has not reached; capped.", waiting, "step")
    if read.newest_article.ok and read.newest_article.value is not None:
        newest = read.newest_article.value.timestamp()
        yield _gauge("signalist_newest_article_timestamp_seconds", "When the newest article came.", {(): newest})


def _index(read: Readings) -> Iterator[Metric]:
    table = read.index.value
    if read.index.ok and table is not None:
        if table.rows is not None:
            yield _gauge("signalist_vectors", "Embeddings; an estimate.", {(): table.rows})
        yield _gauge("signalist_vectors_bytes", "Size of their table, with its indexes.", {(): table.size})
        sizes = {(index.name,): index.size for index in table.indexes}
        yield _gauge("signalist_index_bytes", "Size of a vector index.", sizes, "index")
        valid = {(index.name,): index.valid for index in table.indexes}
        yield _gauge("signalist_index_valid", "0 for an index that was left over.", valid, "index")
        if table.serving is not None:
            wanted = {(): target_of(table.serving)}
            yield _gauge("signalist_index_recall_wanted", "Recall@10 that the index was built for.", wanted)
    if read.measured.ok and read.measured.value is not None:
        measured = read.measured.value
        yield _gauge("signalist_index_recall", "Recall@10 as it was last measured.", {(): measured.recall})
        measured_at = measured.at.timestamp()
        yield _gauge("signalist_index_measured_timestamp_seconds", "When that was.", {(): measured_at})


def _infrastructure(read: Readings) -> Iterator[Metric]:
    if read.migrations.ok and read.migrations.value is not None:
        pending = len(read.migrations.value.pending)
        yield _gauge("signalist_migrations_pending", "Revisions that have not run.", {(): pending})
    if read.operations.ok and read.operations.value is not None:
        states = [row.state for row in read.operations.value]
        shown = {(state,): states.count(state) for state in SHOWN_STATES}
        what = "Operations that have not ended, and those that failed within a day."
        yield _gauge("signalist_operations", what, shown, "state")


def _gauge(name: str, what: str, values: Mapping[Any, float], *labels: str) -> GaugeMetricFamily:
    """`values` by what stands in `labels`, a tuple each."""
    family = GaugeMetricFamily(name, what, labels=labels)
    for key, value in values.items():
        family.add_metric(key, float(value))
    return family

"""`/metrics`: the poller's snapshot for Prometheus. What is not known is left out: it is not zero."""

from collections.abc import Iterator, Mapping
from importlib import metadata
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from core.health import Status
from core.operations.states import State
from core.readings import Readings
from core.snapshot import Snapshot
from dashboard.api.access import Viewer
from dashboard.context import context

router = APIRouter(tags=["health"])
# A row of either is proposed, under way, or failed lately: the ended ones are not read by every poll.
OPEN_STATES = (State.PROPOSED, State.APPROVED, State.RUNNING, State.VERIFYING, State.PAUSED, State.ROLLING_BACK)


@router.get("/metrics", summary="Everything that is counted or measured, for Prometheus")
async def metrics(_user: Viewer) -> Response:
    registry = CollectorRegistry()
    registry.register(_Families(context().poller.latest))
    return Response(generate_latest(registry), 200, {"Cache-Control": "no-store"}, CONTENT_TYPE_LATEST)


class _Families(Collector):
    def __init__(self, snapshot: Snapshot | None) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        yield _gauge("signalist_build_info", "1, with the version.", {(metadata.version("signalist"),): 1}, "version")
        if self._snapshot is not None:
            yield from families(self._snapshot)


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
        memory = {(b.name,): b.memory_mb * 2**20 for b in beats}
        yield _gauge("signalist_worker_memory_bytes", "Resident memory of a worker process.", memory, "worker")
    if read.scheduler.ok and read.scheduler.value is not None:
        seen = read.scheduler.value.seen_at.timestamp()
        yield _gauge("signalist_scheduler_seen_timestamp_seconds", "The last sign of life.", {(): seen})


def _failed_jobs(read: Readings) -> Iterator[Metric]:
    if read.failed.ok and read.failed.value is not None:
        summary = read.failed.value
        yield _gauge("signalist_failed_jobs", "Jobs that gave up and wait for a person.", {(): summary.open.value})
        yield _gauge("signalist_failed_jobs_causes", "Causes that they have.", {(): summary.causes.value})


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
        open_ones = {(state,): states.count(state) for state in OPEN_STATES}
        yield _gauge("signalist_operations", "Operations that have not ended.", open_ones, "state")


def _gauge(name: str, what: str, values: Mapping[Any, float], *labels: str) -> GaugeMetricFamily:
    """`values` by what stands in `labels`, a tuple each."""
    family = GaugeMetricFamily(name, what, labels=labels)
    for key, value in values.items():
        family.add_metric(key, float(value))
    return family

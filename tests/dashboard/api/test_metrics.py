"""What Prometheus reads."""

import datetime as dt
import uuid
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

from core import queues
from core.access import Role
from core.queues import generate_summary, tallies
from core.queues.delivery import Consumer, Hold, Took
from core.reading import failed
from core.readings import Readings
from dashboard.api.metrics import Families, families
from dashboard.poller import Poller

if TYPE_CHECKING:
    from tests.dashboard.conftest import Site

Values = dict[tuple[str, ...], float]


def parsed(text: str) -> Values:
    """Every sample by its name and the values of its labels, in the order of their names."""
    families = text_string_to_metric_families(text)
    return {
        (s.name, *(s.labels[name] for name in sorted(s.labels))): s.value for family in families for s in family.samples
    }


async def test_a_program_with_a_token_reads_what_the_screens_show(site: "Site") -> None:
    await queues.enqueue(site.context.redis, queues.crawl_feed("00000000-0000-4000-8000-000000000000"))
    worker = Consumer(site.context.redis, "a worker", 30.0)
    await worker.ensure_groups()
    for waited, ran in ((0.3, 7.0), (0.5, 2_000.0)):
        job = generate_summary(uuid.uuid4())
        await queues.enqueue(site.context.redis, job)
        (entry,) = await worker.fetch({"summarise": 1})
        hold = Hold("summarise", entry.id, "", job.key or "", entry.taken_ms)
        assert await worker.finish(hold, "done", "{}", Took(waited, ran))
    await tallies.count(site.context.redis, "crawls", "new", 3)
    await tallies.count(site.context.redis, "tokens", "text-embedding-3-small", 120)
    await site.context.poller.poll()
    answer = await (await site.program(Role.VIEWER)).get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    found = parsed(answer.text)
    assert found["signalist_queue_jobs", "crawl", "waiting"] == 1
    assert found["signalist_queue_oldest_wait_seconds", "crawl"] >= 0
    assert found["signalist_jobs_total", "done", "crawl"] == 0
    assert found["signalist_job_wait_seconds_bucket", "0.25", "summarise"] == 0
    assert found["signalist_job_wait_seconds_bucket", "0.5", "summarise"] == 2
    assert found["signalist_job_duration_seconds_bucket", "10", "summarise"] == 1
    assert found["signalist_job_duration_seconds_bucket", "900", "summarise"] == 1
    assert found["signalist_job_duration_seconds_bucket", "+Inf", "summarise"] == 2
    assert found["signalist_job_duration_seconds_count", "summarise"] == 2
    assert found["signalist_job_duration_seconds_sum", "summarise"] == 2_007
    assert found["signalist_crawls_total", "new"] == 3
    assert found["signalist_crawls_total", "failed"] == 0
    assert found["signalist_embedding_tokens_total", "text-embedding-3-small"] == 120
    assert found["signalist_open_pages",] == 0
    assert 0 <= found["signalist_poller_lag_seconds",] < 10
    assert 0 < found["signalist_poller_duration_seconds",] < 10
    assert found["signalist_check_status", "database", "healthy"] == 1
    assert found["signalist_check_status", "database", "unhealthy"] == 0
    assert found["signalist_failed_jobs",] == 0
    assert found["signalist_migrations_pending",] == 0
    assert found["signalist_workers",] == 0


def test_a_dashboard_that_has_read_nothing_yet_is_the_blinder_the_longer_it_runs() -> None:
    poller = Poller(None)
    (lag,) = (family for family in Families(poller, None).collect() if family.name == "signalist_poller_lag_seconds")
    assert lag.samples[0].value >= 0
    assert poller.age(poller.since + dt.timedelta(seconds=40)) == 40


async def test_what_is_unknown_is_missing_and_not_zero(site: "Site") -> None:
    await site.has_read()
    latest = site.context.poller.latest
    assert latest is not None
    now = dt.datetime.now(dt.UTC)
    names = Readings.__dataclass_fields__
    dark = Readings(**{name: failed(getattr(latest.readings, name), "It is away.", now) for name in names})
    known = {family.name for family in families(type(latest)(now, dark, latest.health, latest.attention))}
    empty = {"signalist_server_latency_seconds", "signalist_articles_waiting"}
    assert known - empty == {
        "signalist_snapshot_timestamp_seconds",
        "signalist_check_status",
        "signalist_attention",
    }


async def test_a_stranger_reads_nothing(site: "Site") -> None:
    answer = await (await site.stranger()).get("/metrics")
    assert answer.status_code == 401
    assert answer.headers["content-type"].startswith("application/problem+json")

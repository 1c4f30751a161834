"""What is known of the vector index beside its numbers, as pairs of a name and a phrase, for the page and the verb."""

from collections.abc import Iterator

from core.indexes.recall import PASS_ROWS, SAMPLE
from core.indexes.report import IndexReport
from core.phrases import counted, duration, listed, milliseconds, size
from dashboard.phrasing import clock


def facts(report: IndexReport) -> Iterator[tuple[str, str]]:
    """Coverage link by link, models, upkeep, memory, versions."""
    table, coverage = report.table, report.coverage
    chunks = f"about {table.rows:,} chunks" if table.rows is not None else "chunks not counted yet"
    searched = "searched through the index" if table.serving else "searched by comparing all"
    articles = (counted(coverage.articles, "article"), f"{coverage.embedded} embedded", chunks, searched)
    yield "Coverage", " → ".join(articles)
    oldest = coverage.oldest_waiting_at
    yield "Oldest waiting", f"since {clock(oldest)}" if oldest else "nothing waits"
    models = listed([f"{m.model} {m.share:.0%}".replace("%", " %") for m in report.models])
    yield "Models stored", models or "not counted yet"
    tuned = table.serving.tuning if table.serving else None
    if tuned is not None:
        yield "Searches use", f"{tuned.setting} {tuned.value}: reached {tuned.recall:.2f} {clock(tuned.tuned_at)}"
    elif table.serving is not None:
        yield "Searches use", f"{table.serving.shape.setting} as pgvector advises: nothing is tuned yet"
    yield from _measuring(report)
    allowed = f"maintenance_work_mem is {size(report.allowed)}"
    yield "Memory to build", f"{size(report.needed)} needed, {allowed}; a rebuild sets its own"
    yield "Last vacuum", clock(table.last_vacuum) if table.last_vacuum else "never"
    yield "Last analyze", clock(table.last_analyze) if table.last_analyze else "never"
    for warning in report.warnings:
        yield "pgvector", warning


def _measuring(report: IndexReport) -> Iterator[tuple[str, str]]:
    if report.table.serving is None:
        return
    once = f"{SAMPLE} random articles, and one pass over up to {PASS_ROWS:,} vectors, ten minutes at most"
    bound = f"{once}; nightly, after a build, on demand"
    if (last := report.measured) is None:
        yield "Measuring costs", bound
        return
    yield "Exact search", f"p50 {milliseconds(last.exact_p50_ms)}, p95 {milliseconds(last.exact_p95_ms)}"
    yield "Measuring costs", f"{duration(last.seconds)} the last time: {bound}"


def wear(report: IndexReport) -> str:
    """`3 dead rows, 99 % cached, +1.2 MB in a day`."""
    table, serving = report.table, report.table.serving
    said = [counted(table.dead_rows, "dead row")]
    if serving is not None and (hit := serving.cache_hit_rate) is not None:
        said.append(f"{hit:.0%} cached".replace("%", " %"))
    if report.growth is not None and (grown := report.growth.size) is not None:
        said.append(f"{'+' if grown >= 0 else '−'}{size(abs(grown))} in a day")
    return ", ".join(said)

"""How good, how fast, how large, how complete: the vector index in four tiles."""

from core.health import Status
from core.indexes.recall import target_of
from core.indexes.report import IndexReport
from core.phrases import counted, milliseconds, size
from dashboard.components.html import box
from dashboard.components.tile import Face, Tile
from dashboard.phrasing import clock


class IndexTiles:
    def __init__(self) -> None:
        with box(classes="grid g4"):
            self._tiles = [Tile(name) for name in ("Recall@10", "Query p95", "Size", "Coverage")]

    def show(self, report: IndexReport) -> None:
        for tile, face in zip(
            self._tiles, (_recall(report), _speed(report), _size(report), _coverage(report)), strict=True
        ):
            tile.show(face)


def _recall(report: IndexReport) -> Face:
    measured = report.measured
    trend = [m.recall for m in report.trend]
    if report.table.serving is None:
        return Face(Status.HEALTHY, "exact", "1.00", "no index: every search compares all rows")
    if measured is None:
        return Face(Status.UNKNOWN, "not measured", "–", "measured every day, and when you ask")
    half = (measured.recall_high - measured.recall_low) / 2
    said = f"{measured.sample} random articles, exact vs index, {clock(measured.at)}"
    number = f"{measured.recall:.2f} ± {half:.2f}"
    if measured.recall < (wanted := target_of(report.table.serving)):
        return Face(Status.DEGRADED, f"below {wanted:g}", number, said, trend)
    return Face(Status.HEALTHY, f"{measured.setting.partition('.')[2]} {measured.value}", number, said, trend)


def _speed(report: IndexReport) -> Face:
    measured = report.measured
    if measured is None:
        return Face(Status.UNKNOWN, "not measured", "–", "with the recall, on the same queries")
    said = f"p50 {milliseconds(measured.p50_ms)}, exact scan {milliseconds(measured.exact_p50_ms)}"
    factor = measured.exact_p50_ms / max(measured.p50_ms, 0.001)
    trend = [m.p95_ms for m in report.trend]
    return Face(Status.HEALTHY, f"{factor:,.0f} × faster", milliseconds(measured.p95_ms), said, trend)


def _size(report: IndexReport) -> Face:
    table = report.table
    serving = table.serving
    rows = table.rows or 0
    dead = f"{table.dead_rows / max(rows + table.dead_rows, 1):.1%} dead rows".replace("%", " %")
    if serving is None:
        return Face(Status.HEALTHY, "no index", size(table.size), f"the vectors of {counted(rows, 'row')}, {dead}")
    grown = report.growth.size if report.growth else None
    more = f"{'+' if grown >= 0 else '−'}{size(abs(grown))} in a day · " if grown is not None else ""
    hit = serving.cache_hit_rate
    word = "cache unknown" if hit is None else f"{hit:.0%} cached".replace("%", " %")
    return Face(Status.HEALTHY, word, size(serving.size), f"{more}{dead}")


def _coverage(report: IndexReport) -> Face:
    coverage = report.coverage
    if coverage.share is None:
        return Face(Status.HEALTHY, "empty", "–", "no article yet")
    waiting = coverage.waiting
    number = f"{coverage.share:.1%}".replace("%", " %") if waiting.exact else f"at most {coverage.share:.0%}"
    if not waiting.value:
        return Face(Status.HEALTHY, "complete", number, f"{counted(coverage.articles, 'article')}, by {coverage.model}")
    said = f"{waiting.of('article')} wait{'s' if waiting.value == 1 else ''} for embedding"
    return Face(Status.DEGRADED if coverage.share < 0.9 else Status.HEALTHY, "catching up", number, said)

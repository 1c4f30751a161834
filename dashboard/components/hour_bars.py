"""How many a thing happened in each hour, as small bars. Pure: numbers to SVG; only numbers ever reach the markup."""

import datetime as dt
from collections.abc import Mapping, Sequence

from nicegui import ui

WIDTH, HEIGHT, GAP = 96.0, 18.0, 1.0
HOURS = 24
HOUR = dt.timedelta(hours=1)


def last_hours(counts: Mapping[dt.datetime, int], now: dt.datetime) -> list[int]:
    """The counts of the last HOURS hours, the present one last; an hour that is missing had none."""
    this = now.astimezone(dt.UTC).replace(minute=0, second=0, microsecond=0)
    return [counts.get(this - HOUR * back, 0) for back in reversed(range(HOURS))]


def svg(values: Sequence[int]) -> str:
    """A bar a value; every hour with any is seen, however large the others are."""
    highest = max(values, default=0) or 1
    step = WIDTH / max(len(values), 1)
    bars = []
    for i, value in enumerate(values):
        height = max(2.0, value / highest * HEIGHT) if value else 1.0
        opacity = "1" if value else ".25"
        bars.append(
            f'<rect x="{i * step:.1f}" y="{HEIGHT - height:.1f}" width="{step - GAP:.1f}" height="{height:.1f}" '
            f'rx="1" fill="currentColor" opacity="{opacity}"/>'
        )
    return f'<svg viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" width="{WIDTH:.0f}" aria-hidden="true">{"".join(bars)}</svg>'


def hour_bars(values: Sequence[int]) -> None:
    """The bars, and their highest in words for those who cannot see them."""
    bars = ui.html(svg(values), sanitize=False).classes("bars")
    bars.props["title"] = f"{sum(values):,} failures in {len(values)} hours, at most {max(values, default=0):,} in one"

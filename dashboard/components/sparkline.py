"""A small line without axes. Pure: numbers to SVG; only numbers ever reach the markup."""

from collections.abc import Sequence
from itertools import pairwise

from nicegui import ui

WIDTH, HEIGHT, POINTS = 120.0, 26.0, 60


def thinned(values: Sequence[float | None], points: int = POINTS) -> list[float | None]:
    """At most `points` values, each the largest of its stretch, so that a spike is never lost."""
    if len(values) <= points:
        return list(values)
    edges = [round(i * len(values) / points) for i in range(points + 1)]
    stretches = ([v for v in values[a:b] if v is not None] for a, b in pairwise(edges))
    return [max(stretch, default=None) for stretch in stretches]


def svg(values: Sequence[float | None]) -> str:
    """The line; a gap where nothing is known, nothing at all with fewer than two values."""
    shown = thinned(values)
    known = [v for v in shown if v is not None]
    if len(known) < 2:
        return ""
    low, high = min(known), max(known)
    span = (high - low) or 1.0
    step = WIDTH / (len(shown) - 1)
    path, pen_down = [], False
    for i, value in enumerate(shown):
        if value is None:
            pen_down = False
            continue
        y = HEIGHT - 3 - (value - low) / span * (HEIGHT - 6) if high > low else HEIGHT / 2
        path.append(f"{'L' if pen_down else 'M'}{i * step:.1f} {y:.1f}")
        pen_down = True
    return (
        f'<svg viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" preserveAspectRatio="none" aria-hidden="true">'
        f'<path d="{"".join(path)}" fill="none" stroke="currentColor" stroke-width="1.5" '
        'vector-effect="non-scaling-stroke"/></svg>'
    )


class Sparkline:
    """The line on a page."""

    def __init__(self) -> None:
        self._html = ui.html("", sanitize=False).classes("spark")

    def show(self, values: Sequence[float | None], tone: str) -> None:
        self._html.classes(replace=f"spark {tone}")
        content = svg(values)
        if content != self._html.content:
            self._html.set_content(content)

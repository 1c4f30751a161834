"""From samples to what the charts and tables say. Pure."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from core.queries.samples import SamplePoint

# Long enough to smooth a tick, short enough to follow a change that a person just made.
RATE_WINDOW = dt.timedelta(minutes=5)
# Shorter, so that a queue that has begun to shrink is not called growing for what happened before.
GROWTH_WINDOW = dt.timedelta(minutes=1)


@dataclass(frozen=True)
class Series:
    """A line of a chart. A value is None where nothing is known: a gap, not a zero."""

    times: tuple[dt.datetime, ...]
    values: tuple[float | None, ...]


def series(points: Sequence[SamplePoint], name: str) -> Series:
    """The values of one series as they were sampled."""
    return Series(tuple(p.at for p in points), tuple(p.values.get(name) for p in points))


def every(points: Sequence[SamplePoint], step: dt.timedelta) -> Sequence[SamplePoint]:
    """One point a `step`, counted back from the newest: what a rate needs, since a short stretch is mostly noise."""
    kept: list[SamplePoint] = []
    for point in reversed(points):
        # Ticks are a little early or late: half a tick of slack keeps the step from doubling.
        if not kept or kept[-1].at - point.at >= step * 0.9:
            kept.append(point)
    return kept[::-1]


def per_minute(points: Sequence[SamplePoint], names: Sequence[str]) -> Series:
    """How fast the sum of some counters grew between ticks, per minute.

    None where a counter is missing, or went down: it was reset, and what happened in between is not known.
    """
    times, values = [], []
    for before, after in pairwise(points):
        times.append(after.at)
        values.append(_rate(before, after, names))
    return Series(tuple(times), tuple(values))


def total(points: Sequence[SamplePoint], names: Sequence[str]) -> float | None:
    """By how much the sum of some counters grew over all the points; stretches in which one was reset count nothing.

    None when not a single stretch is known.
    """
    grown = [
        rate * (after.at - before.at).total_seconds() / 60
        for before, after in pairwise(points)
        if (rate := _rate(before, after, names)) is not None
    ]
    return sum(grown) if grown else None


def rate(points: Sequence[SamplePoint], name: str) -> float | None:
    """How fast a counter grew over the last RATE_WINDOW, per minute; None when that is not known."""
    if not points:
        return None
    recent = [p for p in points if p.at >= points[-1].at - RATE_WINDOW]
    return _rate(recent[0], recent[-1], [name])


def _rate(before: SamplePoint, after: SamplePoint, names: Sequence[str]) -> float | None:
    minutes = (after.at - before.at).total_seconds() / 60
    grown = [after.values[n] - before.values[n] for n in names if n in after.values and n in before.values]
    if minutes <= 0 or len(grown) < len(names) or any(g < 0 for g in grown):
        return None
    return sum(grown) / minutes


def time_to_empty(waiting: int, done_per_minute: float | None, waiting_before: float | None) -> float | None:
    """Seconds until a queue is empty at the present rate; None when it is not shrinking or nothing is known.

    `waiting_before` is the depth one GROWTH_WINDOW ago: a queue that has grown since has no time to empty.
    """
    if waiting == 0:
        return 0.0
    if not done_per_minute or (waiting_before is not None and waiting > waiting_before):
        return None
    return waiting / done_per_minute * 60

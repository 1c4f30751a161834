"""A value read from a server, or why it could not be. Nothing that is unknown is ever shown as zero."""

import datetime as dt
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")


@dataclass(frozen=True)
class Reading(Generic[T_co]):
    """`value` is the last one that was read, at `read_at`; `error` says why there is no newer one, since when."""

    value: T_co | None
    read_at: dt.datetime | None
    tried_at: dt.datetime
    latency_ms: float = 0.0
    error: str | None = None
    failing_since: dt.datetime | None = None

    @property
    def ok(self) -> bool:
        return self.error is None

    def problem(self, what: str) -> str:
        """The error as a sentence; a bare one names `what`."""
        return self.error or f"{what} has not been read yet."


def never(at: dt.datetime) -> Reading[T]:
    """Before the first try."""
    return Reading(value=None, read_at=None, tried_at=at, error="Not read yet.", failing_since=at)


def succeeded(value: T, at: dt.datetime, latency_ms: float) -> Reading[T]:
    return Reading(value=value, read_at=at, tried_at=at, latency_ms=latency_ms)


def failed(previous: Reading[T], error: str, at: dt.datetime) -> Reading[T]:
    """Keeps the last value and the time at which the trouble began."""
    since = previous.failing_since if previous.error else at
    return replace(previous, error=error, tried_at=at, failing_since=since)

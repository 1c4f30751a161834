"""The words that a check may answer with."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """`unknown`: what would tell cannot be read. It is not good news: it counts as degraded."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Check:
    """`detail` is a sentence; `latency_ms` is None where nothing was timed; `checked_at` is when it was last tried."""

    name: str
    status: Status
    detail: str
    checked_at: dt.datetime
    latency_ms: float | None = None

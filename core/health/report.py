"""Health as JSON: what `/health` and `signalist health --json` answer."""

import datetime as dt
from typing import Any

from core.health.status import Check, Status
from core.health.verdict import CHECKS, Health


def report(health: Health, *, details: bool) -> dict[str, Any]:
    """Status, checks and timestamp; `details` adds what a stranger must not know (versions, sizes, addresses)."""
    return {
        "status": health.status.value,
        "checks": {check.name: _check(check, details=details) for check in health.checks},
        "timestamp": health.at.isoformat(),
    }


def blind(at: dt.datetime, why: str, *, details: bool) -> dict[str, Any]:
    """The answer while nothing current is known: unhealthy, and every check unknown."""
    checks = tuple(Check(name, Status.UNKNOWN, why, at) for name in CHECKS)
    return report(Health(Status.UNHEALTHY, checks, at), details=details)


def _check(check: Check, *, details: bool) -> dict[str, Any]:
    if not details:
        return {"status": check.status.value}
    return {
        "status": check.status.value,
        "latency_ms": None if check.latency_ms is None else round(check.latency_ms, 2),
        "checked_at": check.checked_at.isoformat(),
        "detail": check.detail,
    }

"""From the checks to one word."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from core.health import database, migrations, queue, redis, scheduler, workers
from core.health.status import Check, Status
from core.readings import Readings

CHECKS = ("database", "redis", "queue", "workers", "scheduler", "migrations")


@dataclass(frozen=True)
class Health:
    """The verdict, the checks behind it, and when they were made."""

    status: Status
    checks: tuple[Check, ...]
    at: dt.datetime

    @property
    def serves(self) -> bool:
        """Whether it is up as far as a load balancer cares: degraded still serves."""
        return self.status is not Status.UNHEALTHY

    def check(self, name: str) -> Check:
        return next(c for c in self.checks if c.name == name)


def judge(readings: Readings, at: dt.datetime) -> Health:
    """Every check on what was read, and the worst of them as the verdict."""
    checks = (
        database.check(readings.database),
        redis.check(readings.redis),
        queue.check(readings.queues),
        workers.check(readings.workers),
        scheduler.check(readings.scheduler),
        migrations.check(readings.migrations),
    )
    return Health(worst(checks), checks, at)


def worst(checks: Sequence[Check]) -> Status:
    """Unhealthy beats degraded beats healthy; unknown counts as degraded, since nobody can say that it is well."""
    found = {check.status for check in checks}
    if Status.UNHEALTHY in found:
        return Status.UNHEALTHY
    return Status.DEGRADED if found - {Status.HEALTHY} else Status.HEALTHY

"""Is somebody deciding what is due?"""

from core.health.status import Check, Status
from core.queues import SchedulerBeat
from core.reading import Reading


def check(scheduler: Reading[SchedulerBeat | None]) -> Check:
    if not scheduler.ok:
        return Check("scheduler", Status.UNKNOWN, scheduler.problem("The scheduler"), scheduler.tried_at)
    if scheduler.value is None:
        detail = "No scheduler is alive: no feed becomes due and nothing missing is found."
        return Check("scheduler", Status.DEGRADED, detail, scheduler.tried_at)
    return Check("scheduler", Status.HEALTHY, "A scheduler is alive.", scheduler.tried_at)

"""Is somebody deciding what is due?"""

from core.health.status import Check, Status
from core.phrases import duration
from core.queues import SchedulerBeat
from core.reading import Reading

# The scheduler beats every few seconds; three missed in a row are no accident.
LATE_S = 30.0


def check(scheduler: Reading[SchedulerBeat | None]) -> Check:
    if not scheduler.ok:
        return Check("scheduler", Status.UNKNOWN, scheduler.problem("The scheduler"), scheduler.tried_at)
    beat = scheduler.value
    if beat is None:
        detail = "No scheduler is alive: no feed becomes due and nothing missing is found."
        return Check("scheduler", Status.DEGRADED, detail, scheduler.tried_at)
    age = (scheduler.tried_at - beat.seen_at).total_seconds()
    status = Status.DEGRADED if age > LATE_S else Status.HEALTHY
    return Check("scheduler", status, f"Last tick {duration(max(age, 0.0))} ago.", scheduler.tried_at)

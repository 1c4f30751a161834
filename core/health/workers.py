"""Is anybody working?"""

from collections.abc import Sequence

from core.health.status import Check, Status
from core.phrases import counted
from core.queues import WorkerBeat
from core.reading import Reading


def check(workers: Reading[Sequence[WorkerBeat]]) -> Check:
    beats = workers.value
    if not workers.ok or beats is None:
        return Check("workers", Status.UNKNOWN, workers.problem("The workers"), workers.tried_at)
    if not beats:
        return Check("workers", Status.UNHEALTHY, "No worker is alive, so no job runs.", workers.tried_at)
    if all(beat.drained for beat in beats):
        detail = f"{counted(len(beats), 'worker')} alive, and none takes jobs: resume one on the page Workers."
        return Check("workers", Status.DEGRADED, detail, workers.tried_at)
    busy, slots = sum(w.busy for w in beats), sum(w.slots for w in beats)
    detail = f"{counted(len(beats), 'worker')} alive, {busy} of {slots} slots busy."
    return Check("workers", Status.HEALTHY, detail, workers.tried_at)

"""Do jobs wait longer than they should?"""

from collections.abc import Sequence

from core.health.status import Check, Status
from core.phrases import counted, duration, listed
from core.queues import QueueDepth
from core.reading import Reading

# Feeds are crawled every half hour by default: an article that waits five minutes is still news, one that waits as
# long as the interval between two crawls means that workers fall behind for good.
SLOW_S = 300.0
STUCK_S = 1800.0


def check(queues: Reading[Sequence[QueueDepth]]) -> Check:
    depths = queues.value
    if not queues.ok or depths is None:
        return Check("queue", Status.UNKNOWN, queues.problem("The queues"), queues.tried_at)
    running = [q for q in depths if not q.paused]
    oldest = max(running, key=lambda q: q.oldest_wait_s or 0.0, default=None)
    waited = (oldest.oldest_wait_s or 0.0) if oldest else 0.0
    if oldest is not None and waited > SLOW_S:
        status = Status.UNHEALTHY if waited > STUCK_S else Status.DEGRADED
        return Check("queue", status, f"The oldest {oldest.name} job has waited {duration(waited)}.", queues.tried_at)
    paused = [q.name for q in depths if q.paused]
    if paused:
        verb = "is" if len(paused) == 1 else "are"
        return Check("queue", Status.DEGRADED, f"{listed(paused)} {verb} paused.", queues.tried_at)
    waiting = sum(q.waiting for q in depths)
    return Check("queue", Status.HEALTHY, f"{counted(waiting, 'job')} waiting.", queues.tried_at)

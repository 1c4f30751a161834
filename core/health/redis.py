"""Does Redis answer, and has it room?"""

from core.health.status import Check, Status
from core.queues import RedisFacts
from core.reading import Reading

# With noeviction a full Redis refuses new jobs: 80 % leaves time to act before that.
NEARLY_FULL = 0.8


def check(redis: Reading[RedisFacts]) -> Check:
    facts = redis.value
    if not redis.ok or facts is None:
        return Check("redis", Status.UNHEALTHY, redis.problem("Redis"), redis.tried_at)
    used = f"{facts.used_memory / 2**20:.0f} MB"
    detail = f"Version {facts.version}, {used} used, no limit set."
    status = Status.HEALTHY
    if facts.maxmemory:
        detail = f"Version {facts.version}, {used} of {facts.maxmemory / 2**20:.0f} MB used."
        if facts.used_memory > NEARLY_FULL * facts.maxmemory:
            status, detail = Status.DEGRADED, f"{detail} When it is full, new jobs are refused."
    return Check("redis", status, detail, redis.tried_at, redis.latency_ms)

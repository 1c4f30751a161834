"""Does Postgres answer, and quickly?"""

from core.health.status import Check, Status
from core.queries.server import DatabaseFacts
from core.reading import Reading

# A round trip on one host or one network takes a few milliseconds; a person notices pages from about 100 ms on
# (Nielsen, Usability Engineering, 1993, ch. 5), and a page makes a handful of queries.
SLOW_MS = 100.0


def check(database: Reading[DatabaseFacts]) -> Check:
    facts = database.value
    if not database.ok or facts is None:
        return Check("database", Status.UNHEALTHY, database.problem("Postgres"), database.tried_at)
    version = f"Postgres {facts.version}, pgvector {facts.pgvector or 'not installed'}"
    if database.latency_ms > SLOW_MS:
        status, detail = Status.DEGRADED, f"{version}; a trivial query took {database.latency_ms:.0f} ms."
    else:
        status, detail = Status.HEALTHY, f"{version}."
    return Check("database", status, detail, database.tried_at, database.latency_ms)

"""Session-level advisory locks, polled.

A session that *waits* in pg_advisory_lock holds a snapshot, and so deadlocks another session's CREATE INDEX
CONCURRENTLY: ask, and ask again, on an autocommit connection.
"""

import psycopg

# Any fixed numbers, different for each purpose.
MIGRATE = 7_301_001


def try_lock(connection: psycopg.Connection[tuple[bool]], key: int) -> bool:
    """Takes the lock if nobody has it; it is held until the connection closes."""
    row = connection.execute("select pg_try_advisory_lock(%s)", (key,)).fetchone()
    return row is not None and row[0]

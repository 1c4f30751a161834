"""Where the schema stands. Synchronous: callers keep it off the event loop; `compare` is pure."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, create_engine, inspect, pool

from core.db import connect_args, translated, with_driver
from core.migrations import scripts

# The table that operations are kept in, and so what moving the schema as an operation needs.
OPERATIONS = "operations"


@dataclass(frozen=True)
class MigrationStatus:
    """`current` is None on an empty database; `pending` lists revisions oldest first."""

    current: str | None
    head: str
    pending: tuple[str, ...]
    # The database is at a revision that this code does not know: newer code migrated it.
    ahead: bool

    @property
    def is_current(self) -> bool:
        return self.current == self.head


@dataclass(frozen=True)
class Revision:
    """`summary` is the first line of its file."""

    id: str
    summary: str
    applied: bool


def status(url: str) -> MigrationStatus:
    """Reads the revision of the database at `url`. Raises DatabaseUnavailable."""
    with connected(url) as connection:
        return of(connection)


def of(connection: Connection) -> MigrationStatus:
    return compare(MigrationContext.configure(connection).get_current_revision())


def compare(current: str | None) -> MigrationStatus:
    """What lies between revision `current` and the newest one of this code."""
    head, known = scripts.revisions()
    ahead = current is not None and current not in known
    newer = () if ahead else known[: known.index(current)] if current else known
    return MigrationStatus(current=current, head=head, pending=tuple(reversed(newer)), ahead=ahead)


def history(current: str | None) -> tuple[Revision, ...]:
    """Every revision that this code knows, oldest first, for a database at `current`."""
    pending = set(compare(current).pending)
    known = reversed(list(scripts.directory().walk_revisions()))
    return tuple(Revision(each.revision, each.doc, applied=each.revision not in pending) for each in known)


def keeps_operations(url: str) -> bool:
    """Whether the schema has come as far as to keep operations. Raises DatabaseUnavailable."""
    with connected(url) as connection:
        return inspect(connection).has_table(OPERATIONS)


def has_tables(url: str) -> bool:
    """Whether anything is in the database at `url`, ours or not. Raises DatabaseUnavailable."""
    with connected(url) as connection:
        return bool(inspect(connection).get_table_names())


@contextmanager
def connected(url: str, application: str = "signalist-migrate") -> Iterator[Connection]:
    """A connection of its own, with time for long statements."""
    arguments = connect_args("", 600) | {"application_name": application}
    engine: Engine = create_engine(with_driver(url), poolclass=pool.NullPool, connect_args=arguments)
    with translated(), engine.connect() as connection:
        yield connection

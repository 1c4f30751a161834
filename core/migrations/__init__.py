"""What revision the schema is at, and moving it. Synchronous: callers keep it off the event loop."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psycopg
from alembic import command
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, inspect, pool

from core.db import connect_args, translated, with_driver
from core.errors import Conflict, Misconfigured, NotFound
from core.models import Base
from core.queries import advisory_locks

SCRIPTS = Path(__file__).parents[2] / "alembic"
Step = Callable[[Config], None]


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
    with _connection(url) as connection:
        return _status(connection)


def compare(current: str | None) -> MigrationStatus:
    """What lies between revision `current` and the newest one of this code."""
    head, known = _revisions()
    ahead = current is not None and current not in known
    newer = [] if ahead else known[: known.index(current)] if current else known
    return MigrationStatus(current=current, head=head, pending=tuple(reversed(newer)), ahead=ahead)


@cache
def _revisions() -> tuple[str, list[str]]:
    """The head, and every revision, newest first. The files do not change under a running process."""
    script = ScriptDirectory.from_config(_config())
    head = script.get_current_head()
    if head is None:
        raise Misconfigured(f"No migrations were found in {SCRIPTS}.")
    return head, [revision.revision for revision in script.walk_revisions()]


def has_tables(url: str) -> bool:
    """Whether anything is in the database at `url`, ours or not. Raises DatabaseUnavailable."""
    with _connection(url) as connection:
        return bool(inspect(connection).get_table_names())


def history(url: str) -> tuple[Revision, ...]:
    """Every revision that this code knows, oldest first. Raises DatabaseUnavailable."""
    pending = set(status(url).pending)
    script = ScriptDirectory.from_config(_config())
    known = reversed(list(script.walk_revisions()))
    return tuple(Revision(each.revision, each.doc, applied=each.revision not in pending) for each in known)


def drift(url: str) -> tuple[str, ...]:
    """How the database at `url` differs from the models, a line each; nothing when they agree.

    Raises DatabaseUnavailable.
    """
    with _connection(url) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        steps = produce_migrations(context, Base.metadata).upgrade_ops
        return tuple(render_python_code(steps).splitlines()) if steps and not steps.is_empty() else ()


def upgrade(url: str, revision: str = "head", *, wait: float = 60.0) -> MigrationStatus:
    """Moves the schema up to `revision`, one transaction a revision, and returns where it stands.

    Only one process migrates at a time; another waits up to `wait` seconds, then Conflict is raised. Raises NotFound if
    there is no such revision.
    """
    return _move(url, wait, lambda config: command.upgrade(config, revision))


def downgrade(url: str, revision: str, *, wait: float = 60.0) -> MigrationStatus:
    """Moves the schema down to `revision`. Same rules as `upgrade`."""
    return _move(url, wait, lambda config: command.downgrade(config, revision))


def _move(url: str, wait: float, step: Step) -> MigrationStatus:
    with translated(), _only_one(url, wait), _connection(url) as connection:
        config = _config()
        config.attributes["connection"] = connection
        try:
            step(config)
        except CommandError as error:
            # Alembic raises it for revisions that are not there or not in that direction, and its message says which.
            raise NotFound(f"{error}.") from error
        connection.commit()
        return _status(connection)


@contextmanager
def _only_one(url: str, wait: float) -> Iterator[None]:
    deadline = time.monotonic() + wait
    plain = url.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(plain, autocommit=True, connect_timeout=3, application_name="signalist-lock") as held:
        while not advisory_locks.try_lock(held, advisory_locks.MIGRATE):
            if time.monotonic() > deadline:
                raise Conflict("Another process is migrating this database: wait until it is done.")
            time.sleep(0.2)
        yield


@contextmanager
def _connection(url: str) -> Iterator[Connection]:
    engine: Engine = create_engine(with_driver(url), poolclass=pool.NullPool, connect_args=connect_args("migrate", 600))
    with translated(), engine.connect() as connection:
        yield connection


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    return config


def _status(connection: Connection) -> MigrationStatus:
    return compare(MigrationContext.configure(connection).get_current_revision())

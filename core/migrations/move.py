"""Moving the schema, one process at a time. Synchronous: callers keep it off the event loop."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError

from core.db import plain, refusal, translated
from core.errors import Conflict, NotFound
from core.migrations import scripts, standing
from core.migrations.standing import MigrationStatus
from core.queries import advisory_locks

Step = Callable[[Config], None]


@dataclass(frozen=True)
class How:
    """`wait`: seconds for which another migration is waited for; `lock_timeout`: seconds for which a lock is, None: as
    Postgres has it. `application` names it in pg_stat_activity; `hear` is told each statement as it runs.
    """

    wait: float = 60.0
    application: str = "signalist-migrate"
    lock_timeout: float | None = None
    hear: Callable[[str], None] | None = None


PLAINLY = How()


def upgrade(url: str, revision: str = "head", how: How = PLAINLY) -> MigrationStatus:
    """Moves the schema up to `revision`, one transaction a revision, and returns where it stands.

    Only one process migrates at a time: Conflict is raised when another does not end in time. Raises NotFound if there
    is no such revision, and StatementFailed when Postgres refuses: what was done before in that revision is undone.
    """
    return _move(url, how, lambda config: command.upgrade(config, revision))


def downgrade(url: str, revision: str, how: How = PLAINLY) -> MigrationStatus:
    """Moves the schema down to `revision`. Same rules as `upgrade`."""
    return _move(url, how, lambda config: command.downgrade(config, revision))


def _move(url: str, how: How, step: Step) -> MigrationStatus:
    with _only_one(url, how.wait), standing.connected(url, how.application) as connection, scripts.ALONE:
        connection.execute(text("set statement_timeout = 0"))
        connection.commit()
        config = scripts.config()
        config.attributes["connection"] = connection
        with _heard(connection, how):
            try:
                step(config)
            except CommandError as error:
                # Alembic raises it for revisions that are not there or not in that direction; its message says which.
                raise NotFound(f"{error}.") from error
            except DBAPIError as error:
                raise (refusal(error.orig) if isinstance(error.orig, psycopg.Error) else error) from error
            connection.commit()
        return standing.of(connection)


@contextmanager
def _heard(connection: Connection, how: How) -> Iterator[None]:
    def tell(_connection: object, cursor: Any, statement: str, *_rest: object) -> None:
        if how.lock_timeout is not None:
            # A concurrent build waits for old transactions, which counts, and nobody queues up behind it.
            most = 0 if "concurrently" in statement.lower() else round(how.lock_timeout * 1000)
            cursor.execute(f"set lock_timeout = {most}")
        if how.hear is not None and not statement.lstrip().lower().startswith(("select", "show")):
            how.hear(statement.strip())

    event.listen(connection, "before_cursor_execute", tell)
    try:
        yield
    finally:
        event.remove(connection, "before_cursor_execute", tell)


@contextmanager
def _only_one(url: str, wait: float) -> Iterator[None]:
    deadline = time.monotonic() + wait
    name = "signalist-lock"
    with translated(), psycopg.connect(plain(url), autocommit=True, connect_timeout=3, application_name=name) as held:
        while not advisory_locks.try_lock(held, advisory_locks.MIGRATE):
            if time.monotonic() > deadline:
                raise Conflict("Another process is migrating this database: wait until it is done.")
            time.sleep(0.2)
        yield

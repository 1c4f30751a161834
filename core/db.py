"""The engine, sessions, and the one edge at which driver errors become ours."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from sqlalchemy import exc
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from core.errors import (
    BadRequest,
    DatabaseUnavailable,
    NotPrivileged,
    QueryTimeout,
    SchemaMismatch,
    SignalistError,
    StatementFailed,
)


class Database:
    """A pool of connections to Postgres with every timeout set, so that a dead server costs seconds, never a hang."""

    def __init__(
        self,
        url: str,
        *,
        application: str,
        owner_url: str | None = None,
        statement_timeout: float = 5.0,
        pool_size: int = 5,
        before_commit: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`application` is shown in pg_stat_activity; `statement_timeout` in seconds.

        `owner_url` is the address for the role that owns the schema, where `url` names another one.

        Screens keep the short default; workers and operations give a longer one. If `before_commit` raises, the
        transaction is rolled back: a worker asks there whether its job is still its own.
        """
        self._before_commit = before_commit
        self.url = url
        self.owner_url = owner_url or url
        self._application, self._statement_timeout = application, statement_timeout
        self.engine: AsyncEngine = create_async_engine(
            with_driver(url),
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=3,
            pool_pre_ping=True,
            connect_args=connect_args(application, statement_timeout),
        )
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """One transaction: commits at the end, rolls back on any error, and raises only our own errors."""
        with translated():
            async with self._sessions.begin() as session:
                yield session
                if self._before_commit is not None:
                    await self._before_commit()

    @asynccontextmanager
    async def owner_session(self) -> AsyncIterator[AsyncSession]:
        """A `session` of the role that owns the schema, for what nobody else may do."""
        if self.owner_url == self.url:
            async with self.session() as session:
                yield session
            return
        owner = Database(
            self.owner_url,
            application=self._application,
            statement_timeout=self._statement_timeout,
            pool_size=1,
            before_commit=self._before_commit,
        )
        try:
            async with owner.session() as session:
                yield session
        finally:
            await owner.close()

    async def renew(self) -> None:
        """Starts over with an empty pool. Connections that are in use are left to those who use them."""
        await self.engine.dispose(close=False)

    async def close(self) -> None:
        await self.engine.dispose()


def connect_args(application: str, statement_timeout: float) -> dict[str, Any]:
    """What libpq is told: limits (libpq takes seconds, Postgres milliseconds) and a name for pg_stat_activity."""
    limits = {
        "statement_timeout": int(statement_timeout * 1000),
        "lock_timeout": int(min(statement_timeout, 5.0) * 1000),
        "idle_in_transaction_session_timeout": 60_000,
    }
    return {
        "application_name": f"signalist-{application}",
        "connect_timeout": 3,
        # A peer that vanished without a word is noticed by the kernel after this many milliseconds.
        "tcp_user_timeout": 5_000,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "options": " ".join(f"-c {name}={value}" for name, value in limits.items()),
    }


class translated:  # noqa: N801 - used as a context manager, reads as a participle
    """`with translated():` errors of the driver and of SQLAlchemy leave as ours; everything else as it was."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, UnicodeEncodeError):
            raise BadRequest("A text with half of a character in it can be neither stored nor looked for.") from error
        if isinstance(error, exc.SQLAlchemyError | psycopg.Error):
            ours = _translate(error)
            if ours is not None:
                raise ours from error


_OURS: dict[tuple[type[psycopg.Error], ...], type[SignalistError]] = {
    (psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable): QueryTimeout,
    (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn): SchemaMismatch,
    (psycopg.errors.InsufficientPrivilege,): NotPrivileged,
}


def _translate(error: BaseException) -> SignalistError | None:
    cause = error.orig if isinstance(error, exc.DBAPIError) else error
    for kinds, ours in _OURS.items():
        if isinstance(cause, kinds):
            return ours()
    # The driver's own refusal to send a text with a zero byte; Postgres's are of subclasses.
    if type(cause) is psycopg.DataError:
        return BadRequest("A text with a zero byte in it can be neither stored nor looked for.")
    if isinstance(error, exc.TimeoutError):
        return DatabaseUnavailable("Every connection to Postgres is busy.")
    # Class 53: insufficient resources, 57: operator intervention, 08: connection exception.
    if isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError):
        return DatabaseUnavailable()
    return None


def refusal(error: psycopg.Error) -> SignalistError:
    """What went wrong with a statement of an operation, whose text and reason the operator is to read."""
    # 08: connection, 57P: the server goes down; without a code the connection broke.
    if error.sqlstate is None or error.sqlstate.startswith(("08", "57P")):
        return DatabaseUnavailable()
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return NotPrivileged()
    return StatementFailed(f"Postgres refused: {error.diag.message_primary}.", error.sqlstate)


def plain(url: str) -> str:
    """The address as libpq knows it."""
    return url.replace("postgresql+psycopg://", "postgresql://")


def with_driver(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"postgresql+psycopg://{rest}" if scheme in {"postgres", "postgresql"} else url

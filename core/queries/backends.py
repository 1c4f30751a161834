"""Other sessions of Postgres: who holds up whom, and ending what is ours."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True)
class Backend:
    """A session; `seconds` is the age of its transaction, `query` the first words of what it ran last."""

    pid: int
    application: str
    user: str
    state: str
    seconds: float
    query: str

    @property
    def words(self) -> str:
        """`pid 4711 (psql, ada, idle in transaction)`."""
        return f"pid {self.pid} ({', '.join(filter(None, (self.application, self.user, self.state)))})"


_BACKEND = """
    select a.pid, coalesce(a.application_name, '') as application, coalesce(a.usename, '') as "user",
           coalesce(a.state, a.backend_type, '') as state,
           coalesce(extract(epoch from now() - a.xact_start), 0)::float8 as seconds,
           left(regexp_replace(coalesce(a.query, ''), '\\s+', ' ', 'g'), 80) as query
      from pg_stat_activity a
"""


async def called(session: AsyncSession, application: str) -> tuple[int, ...]:
    """The pids of the sessions with that application_name that are at work on something."""
    rows = await session.scalars(
        text(
            "select pid from pg_stat_activity where application_name = :application and datname = current_database()"
            " and backend_type = 'client backend' and state <> 'idle'"
        ),
        {"application": application},
    )
    return tuple(rows)


async def blocking(session: AsyncSession, pid: int) -> tuple[Backend, ...]:
    """Whom the session `pid` waits for."""
    rows = await session.execute(text(f"{_BACKEND} where a.pid = any(pg_blocking_pids(:pid))"), {"pid": pid})
    return tuple(Backend(**row) for row in rows.mappings())


async def in_old_transactions(session: AsyncSession, age: dt.timedelta) -> tuple[Backend, ...]:
    """Sessions of this database whose transaction is older than `age`: a concurrent build waits for them all."""
    rows = await session.execute(
        text(
            f"{_BACKEND} where a.datname = current_database() and a.pid <> pg_backend_pid()"
            " and a.xact_start < now() - cast(:age as interval) and a.backend_type = 'client backend'"
            " order by a.xact_start"
        ),
        {"age": age},
    )
    return tuple(Backend(**row) for row in rows.mappings())


async def cancel(session: AsyncSession, pids: tuple[int, ...]) -> None:
    """Cancels what these sessions run; their connections stay."""
    await session.execute(
        text("select pg_cancel_backend(pid) from unnest(cast(:pids as int[])) pid"), {"pids": list(pids)}
    )


async def terminate(session: AsyncSession, pids: tuple[int, ...]) -> None:
    """Ends these sessions."""
    await session.execute(
        text("select pg_terminate_backend(pid) from unnest(cast(:pids as int[])) pid"), {"pids": list(pids)}
    )

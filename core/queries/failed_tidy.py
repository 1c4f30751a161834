"""Forgetting what nobody needs of failures any more. What is open or on its way is never touched."""

import datetime as dt

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

# So many rows in one go, so that no transaction is long; the rest goes the next time.
_AT_ONCE = 5_000


async def forget(session: AsyncSession, *, jobs_before: dt.datetime, hours_before: dt.datetime) -> None:
    """Settled jobs and finished actions from before `jobs_before`, hourly counts from before `hours_before`, and causes
    that no job has any more."""
    for statement in _STATEMENTS:
        await session.execute(statement, {"jobs": jobs_before, "hours": hours_before, "limit": _AT_ONCE})


_STATEMENTS = tuple(
    text(statement)
    for statement in (
        """
        delete from failed_jobs where id in (
            select id from failed_jobs where state in ('discarded', 'succeeded') and last_failed_at < :jobs
               and resolved_at < :jobs order by last_failed_at limit :limit for update skip locked)
        """,
        """
        delete from failed_job_actions where id in (
            select id from failed_job_actions where created_at < :jobs and finished_at is not null
             order by created_at limit :limit)
        """,
        """
        delete from failure_tallies where (kind, name, hour) in (
            select kind, name, hour from failure_tallies t
             where (kind = 'hour' and hour < :hours)
                or (kind in ('cause', 'task') and number = 0)
                or (kind in ('succeeded', 'failed again')
                    and not exists (select from failed_job_actions a where a.id::text = t.name))
             limit :limit for update skip locked)
        """,
        """
        delete from failure_groups where fingerprint in (
            select g.fingerprint from failure_groups g
             where not exists (
                   select from failure_tallies t where t.kind in ('cause', 'hour') and t.name = g.fingerprint)
               and not exists (select from failure_tally_changes c where c.name = g.fingerprint)
             limit :limit)
        """,
    )
)

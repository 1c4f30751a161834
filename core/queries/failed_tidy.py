"""Forgetting what nobody needs of failures any more. What is open or on its way is never touched."""

import datetime as dt

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

# So many rows in one go, so that no transaction is long; the rest goes the next time.
_AT_ONCE = 5_000


async def forget(session: AsyncSession, *, jobs_before: dt.datetime, hours_before: dt.datetime) -> None:
    """Settled jobs and finished actions from before `jobs_before`, hourly counts from before `hours_before`, and causes
    that no job has any more."""
    said = {"jobs": jobs_before, "hours": hours_before, "limit": _AT_ONCE}
    for statement in (_JOBS, _ACTIONS, _COUNTS):
        await session.execute(statement, said)
    gone = (await session.scalars(_CAUSES, said)).all()
    await session.execute(_GROUPS, {"gone": list(gone)})
    await session.execute(_MISSING)


_JOBS = text(
    """
    delete from failed_jobs where id in (
        select id from failed_jobs where state in ('discarded', 'succeeded') and last_failed_at < :jobs
           and resolved_at < :jobs order by last_failed_at limit :limit for update skip locked)
    """
)
_ACTIONS = text(
    """
    delete from failed_job_actions where id in (
        select id from failed_job_actions where created_at < :jobs and finished_at is not null
         order by created_at limit :limit)
    """
)
# Not `not exists`, for which the planner would read all actions.
_COUNTS = text(
    """
    delete from failure_tallies where (kind, name, hour) in (
        select kind, name, hour from failure_tallies t
         where (kind = 'hour' and hour < :hours)
            or (kind = 'task' and number = 0)
            or (kind in ('succeeded', 'failed again') and (
                select a.id from failed_job_actions a
                 where a.id = case when t.kind in ('succeeded', 'failed again') then t.name::uuid end) is null)
         limit :limit for update skip locked)
    """
)
# The count of its open jobs is the last that is known of a cause.
_CAUSES = text(
    """
    delete from failure_tallies where (kind, name, hour) in (
        select kind, name, hour from failure_tallies t
         where kind = 'cause' and number = 0
           and not exists (select from failure_tallies h where h.kind = 'hour' and h.name = t.name)
           and not exists (select from failure_tally_changes c where c.kind in ('cause', 'hour') and c.name = t.name)
         limit :limit for update skip locked)
    returning name
    """
)
# Unless it has struck again meanwhile.
_GROUPS = text(
    """
    delete from failure_groups g where fingerprint = any(:gone)
       and not exists (select from failed_jobs j where j.state = 'open' and j.fingerprint = g.fingerprint)
    """
)
# A job that failed in a transaction which was open then found its cause there, and added none.
_MISSING = text(
    """
    insert into failure_groups (fingerprint, exception, tasks, first_seen)
    select cause.name, job.exception, array[job.task], job.first_failed_at
      from (select name from failure_tallies where kind = 'cause' and number > 0
            union select name from failure_tally_changes where kind = 'cause') as cause
     cross join lateral (
           select exception, task, first_failed_at from failed_jobs j
            where j.state = 'open' and j.fingerprint = cause.name order by j.last_failed_at, j.id limit 1) as job
     where not exists (select from failure_groups g where g.fingerprint = cause.name)
    on conflict do nothing
    """
)

"""Failed jobs by cause."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from core.queries import failure_tallies
from core.queries.failure_tallies import Tally


@dataclass(frozen=True)
class FailedGroup:
    """Jobs that failed for one cause: same exception, message and place in our code.

    `first_seen` is when the cause was met first, also if its jobs of that time are settled; `message` and `last_seen`
    are of the open job that failed last.

    `passed_since` counts signs that a retry may pass now: `succeeded_since`, retried jobs of this cause that succeeded
    after that, among the newest 200 of all causes; and `crawled_since`, of the newest `looked_at` open jobs those whose
    feed was crawled after them.
    """

    fingerprint: str
    exception: str
    message: str
    tasks: tuple[str, ...]
    count: int
    first_seen: dt.datetime
    last_seen: dt.datetime
    passed_since: int = 0
    succeeded_since: int = 0
    crawled_since: int = 0
    looked_at: int = 0


async def largest(session: AsyncSession, limit: int) -> tuple[FailedGroup, ...]:
    """The causes with the most open jobs, the largest first."""
    return await _described(session, await failure_tallies.largest(session, "cause", limit))


async def get(session: AsyncSession, fingerprint: str) -> FailedGroup | None:
    """None when no open job has this cause (any more)."""
    number = await failure_tallies.number(session, "cause", fingerprint)
    found = await _described(session, [Tally(fingerprint, number)])
    return found[0] if found else None


async def _described(session: AsyncSession, tallies: "tuple[Tally, ...] | list[Tally]") -> tuple[FailedGroup, ...]:
    if not tallies:
        return ()
    rows = {row[0]: row for row in await session.execute(_DESCRIBED, {"names": [tally.name for tally in tallies]})}
    return tuple(
        FailedGroup(
            tally.name,
            row.exception,
            row.message,
            tuple(row.tasks),
            tally.number,
            row.first_seen,
            row.last_failed_at,
            row.succeeded + row.crawled,
            row.succeeded,
            row.crawled,
            row.looked_at,
        )
        for tally in tallies
        # A cause may have lost its last open job between the two statements.
        if (row := rows.get(tally.name)) is not None
    )


_DESCRIBED = text(
    """
    select g.fingerprint, newest.exception, newest.message, g.tasks, g.first_seen, newest.last_failed_at,
           (select count(*) from (
                select fingerprint, resolved_at from failed_jobs
                 where state = 'succeeded' order by last_failed_at desc, id desc limit 200) as settled
             where settled.fingerprint = g.fingerprint and settled.resolved_at > newest.last_failed_at) as succeeded,
           crawls.crawled, crawls.looked_at
      from failure_groups g cross join lateral (
            select f.exception, f.message, f.last_failed_at from failed_jobs f
             where f.state = 'open' and f.fingerprint = g.fingerprint
             order by f.last_failed_at desc, f.id desc limit 1) as newest
     cross join lateral (
            select count(*) as looked_at,
                   count(*) filter (where feeds.last_success_at > recent.last_failed_at) as crawled
              from (
                select case when job_key ~ '^crawl_feed:[0-9a-f-]{36}$' then substr(job_key, 12)::uuid end as feed_id,
                       last_failed_at from failed_jobs
                 where state = 'open' and fingerprint = g.fingerprint order by last_failed_at desc, id desc limit 20
                ) as recent left join feeds on feeds.id = recent.feed_id) as crawls
     where g.fingerprint = any(:names)
    """
)

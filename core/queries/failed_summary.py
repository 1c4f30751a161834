"""How many jobs gave up, and why: what the overview and the badge show."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from core.queries import failed_actions, failed_groups, failure_tallies
from core.queries.count import Count
from core.queries.failed_actions import FailedJobsAction
from core.queries.failed_groups import FailedGroup
from core.queries.failure_tallies import Tally

GROUPS = 3
# As many as one would scroll through.
CHOICES = 30
ACTIONS = 12


@dataclass(frozen=True)
class FailedSummary:
    """`open` waits for a person; `groups` are the largest causes, `tasks` and `queues` those with the most failures.

    `newest` is when the last of them failed, `actions` is what people did last, and what is not finished.
    """

    open: Count
    causes: Count
    groups: tuple[FailedGroup, ...] = ()
    newest: dt.datetime | None = None
    tasks: tuple[Tally, ...] = ()
    queues: tuple[Tally, ...] = ()
    actions: tuple[FailedJobsAction, ...] = ()


async def read(session: AsyncSession) -> FailedSummary:
    return FailedSummary(
        open=Count(await failure_tallies.number(session, "open", "")),
        causes=await failure_tallies.causes(session),
        groups=await failed_groups.largest(session, GROUPS),
        newest=(await session.execute(_NEWEST)).scalar_one_or_none(),
        tasks=await failure_tallies.largest(session, "task", CHOICES),
        queues=await failure_tallies.largest(session, "queue", CHOICES),
        actions=await failed_actions.in_sight(session, ACTIONS),
    )


_NEWEST = text(
    "select last_failed_at from failed_jobs where state = 'open' order by last_failed_at desc, id desc limit 1"
)

"""Doing a verb to some jobs, with all that follows from it, in one transaction."""

import datetime as dt
import uuid
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from core.errors import Conflict
from core.failed_jobs.filter import Filter
from core.queries import failed_actions, failed_take
from core.queries.count import Count
from core.queries.failed_actions import FailedJobsAction
from core.queries.failed_take import TakenJob, Verb
from core.queues import outbox
from core.queues.jobs import Job
from core.recording import Face

NOTHING = "There is no such job (any more): someone may have settled it in the meantime."


async def take(
    session: AsyncSession, verb: Verb, ids: Sequence[uuid.UUID], *, action: uuid.UUID, by: str
) -> tuple[uuid.UUID, ...]:
    """Returns the ids of those that it was done to: nobody else had settled them before."""
    places = {job: place for place, job in enumerate(ids)}
    taken: Sequence[TakenJob] = await failed_take.take(session, verb, ids, action=action, by=by)
    if verb == "retry":
        # What failed first is sent first.
        taken = sorted(taken, key=lambda one: places[one.id])
        await outbox.stage_all(session, [_job(one) for one in taken])
    return tuple(one.id for one in taken)


async def take_all(
    session: AsyncSession,
    verb: Verb,
    ids: Sequence[uuid.UUID],
    chosen: Filter,
    target: str,
    *,
    by: str,
    face: Face,
    now: dt.datetime,
) -> FailedJobsAction:
    """An action of one step. Raises Conflict if there was nothing left to do."""
    action = await failed_actions.add(
        session, verb=verb, actor=by, face=face, chosen=chosen, target=target, cutoff=now, total=Count(len(ids))
    )
    taken = await take(session, verb, ids, action=action, by=by)
    if not taken:
        raise Conflict(NOTHING)
    await failed_actions.advance(session, action, taken=len(taken), next_step_at=now)
    await failed_actions.end(session, action, "done", now)
    return await failed_actions.get(session, action)


def _job(one: TakenJob) -> Job:
    """The job as it was sent, under the key of its row: how it ends is written there."""
    labels = {name: value for name, value in one.labels.items() if name not in {"job_key", "queue_name"}}
    # The row has its key cut if it is very long.
    key = one.labels.get("job_key") or one.job_key
    return Job(one.task, tuple(one.args), one.queue, key, one.kwargs, labels)

"""Retrying a failed job with other arguments."""

import datetime as dt
import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from redis.asyncio import Redis

from core.access import Action, User
from core.db import Database
from core.errors import BadRequest, Conflict
from core.failed_jobs.begin import Begun
from core.failed_jobs.filter import Filter
from core.failed_jobs.taking import take_all
from core.queries import failed_take
from core.queues import outbox
from core.queues.catalogue import checked
from core.queues.jobs import job_key
from core.recording import Face, recorded
from core.redaction import REDACTED


async def edit(
    database: Database,
    redis: Redis,
    user: User | None,
    face: Face,
    job: uuid.UUID,
    *,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    now: dt.datetime,
) -> Begun:
    """Gives an open job other arguments and retries it; its story goes on in the same row.

    Raises BadRequest if its task cannot be called like that, Conflict if the job is settled or another failed job has
    these arguments, and what `recorded` raises.
    """
    async with recorded(database, user, face, Action.EDIT_JOB, str(job)) as recording:
        session, by = recording.session, recording.user.name
        found = await failed_take.lock(session, job)
        if found is None:
            raise Conflict("That job is not in the list any more: someone may have settled it in the meantime.")
        if REDACTED in json.dumps([args, kwargs], default=str):
            raise BadRequest(f"Where it says {REDACTED}, a secret is not shown: write the value itself there.")
        new = checked(found.task, args, kwargs)
        is_keyed = "job_key" in found.labels
        key = job_key(found.task, new) if is_keyed else found.job_key
        labels = {**found.labels, "job_key": key} if is_keyed else found.labels
        if not await failed_take.edit(session, job, args=new, labels=labels, key=key):
            raise Conflict("Another failed job has these arguments already: retry that one.")
        target = f"{found.task} with other arguments"
        begun = await take_all(session, "retry", [job], Filter(ids=(job,)), target, by=by, face=face, now=now)
        recording.details |= {"task": found.task, "before": found.args, "after": list(new), "action": str(begun.id)}
    await outbox.send(database, redis)
    return Begun(begun, missed=0)

"""One step of an action in the background: bounded, and in one transaction with the place to go on from.

Whoever does it may be killed at any moment: what is committed is done once, and the next step goes on from there.
"""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import assert_never

from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession

from core.db import Database
from core.failed_jobs.taking import take
from core.phrases import counted
from core.queries import failed_actions, failed_take
from core.queries.failed_actions import FailedJobsAction
from core.queues import outbox

# So many jobs a step: about 0.1 s, for which it holds their rows.
AT_ONCE = 500
# How often the first jobs are looked at.
LOOK_S = 1.0


@dataclass(frozen=True)
class GoOn:
    """There is more to do, in so many seconds."""

    in_s: float


@dataclass(frozen=True)
class Rest:
    """Nothing to do: it has ended, or somebody else is doing a step."""


async def step(database: Database, redis: Redis, action: uuid.UUID, now: dt.datetime) -> GoOn | Rest:
    """Does the next step of an action, if it is due. Raises DatabaseUnavailable."""
    async with outbox.transaction(database, redis) as session:
        found = await failed_actions.claim(session, action)
        if found is None:
            return Rest()
        if found.next_step_at > now:
            return GoOn((found.next_step_at - now).total_seconds())
        match found.state:
            case "canary":
                return await (_send_canary if found.canary_ids is None else _look)(session, found, now)
            case "running":
                return await _take_some(session, found, now)
            case "done" | "cancelled" | "stopped":
                return Rest()
            case _:
                assert_never(found.state)


async def _send_canary(session: AsyncSession, action: FailedJobsAction, now: dt.datetime) -> GoOn | Rest:
    some = await _next(session, action, action.canary)
    sent = await take(session, action.verb, some.ids, action=action.id, by=action.actor)
    # If someone else had settled all of these, the next ones go first.
    wait = LOOK_S if sent else 0.0
    await failed_actions.advance(
        session,
        action.id,
        taken=len(sent),
        next_step_at=now + dt.timedelta(seconds=wait),
        cursor=some.last,
        canary_ids=sent or None,
    )
    return GoOn(wait) if some.last else await _end(session, action, now)


async def _look(session: AsyncSession, action: FailedJobsAction, now: dt.datetime) -> GoOn | Rest:
    """All of the first jobs succeeded: the rest. One failed again: no more of them."""
    first = action.canary_ids or ()
    states = await failed_take.states(session, first)
    if failed := [one for one in states.values() if one.state == "open"]:
        rest = max(action.total.value - action.taken, 0)
        reason = (
            f"{len(failed)} of the first {counted(len(first), 'job')} failed again: "
            f"{failed[0].exception}: {failed[0].message[:200].rstrip('.')}. The other {rest:,} were left alone."
        )
        await failed_actions.end(session, action.id, "stopped", now, reason=reason)
        return Rest()
    is_over = all(one.state != "retried" for one in states.values())
    wait = 0.0 if is_over else LOOK_S
    await failed_actions.advance(
        session,
        action.id,
        next_step_at=now + dt.timedelta(seconds=wait),
        state="running" if is_over else None,
    )
    return GoOn(wait)


async def _take_some(session: AsyncSession, action: FailedJobsAction, now: dt.datetime) -> GoOn | Rest:
    size = AT_ONCE if action.rate is None else max(1, min(AT_ONCE, round(action.rate)))
    some = await _next(session, action, size)
    taken = await take(session, action.verb, some.ids, action=action.id, by=action.actor)
    wait = 0.0 if action.rate is None else len(taken) / action.rate
    due = now + dt.timedelta(seconds=wait)
    await failed_actions.advance(session, action.id, taken=len(taken), next_step_at=due, cursor=some.last)
    return GoOn(wait) if some.last else await _end(session, action, now)


async def _next(session: AsyncSession, action: FailedJobsAction, size: int) -> failed_take.Candidates:
    return await failed_take.candidates(session, action.filter, cutoff=action.cutoff, after=action.cursor, limit=size)


async def _end(session: AsyncSession, action: FailedJobsAction, now: dt.datetime) -> Rest:
    await failed_actions.end(session, action.id, "done", now)
    return Rest()

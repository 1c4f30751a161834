"""How every verb begins: few jobs at once, in the transaction that records it; many in the background, by steps."""

import datetime as dt
from dataclasses import dataclass

from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession

from core.access import Action, User
from core.db import Database
from core.errors import BadRequest, Conflict
from core.failed_jobs.filter import Filter
from core.failed_jobs.narrowing import narrowed
from core.failed_jobs.taking import NOTHING, take_all
from core.phrases import counted
from core.queries import failed_actions, failed_groups, failed_list, failed_take
from core.queries.failed_actions import FailedJobsAction
from core.queries.failed_take import Verb
from core.queues import outbox
from core.queues.jobs import run_failed_jobs_action
from core.recording import Face, recorded

# So many are done while the person waits: a fraction of a second.
AT_ONCE = 50
# Before more than AT_ONCE are sent, so many go first, and the rest only if all of them succeed.
CANARY = 5
# More cannot be named one by one: a row of megabytes.
MOST_NAMED = 1_000


@dataclass(frozen=True)
class Begun:
    """What has become of the wish. `missed` jobs had been settled, or were taken by someone else in this moment."""

    action: FailedJobsAction
    missed: int

    @property
    def is_done(self) -> bool:
        return self.action.state == "done"

    @property
    def sentence(self) -> str:
        """`37 jobs are on their way.`, `1,000 jobs are retried in the background: 5 go first, …`."""
        if not self.is_done:
            return f"{self.action.total.of('job')} {_BACKGROUND[self.action.verb]}{self._caution}"
        many = self.action.taken != 1
        said = f"{counted(self.action.taken, 'job')} {_DONE[self.action.verb][many]}"
        others = f"; {counted(self.missed, 'other')} {'were' if self.missed > 1 else 'was'} settled already"
        return said + (others if self.missed else "") + "."

    @property
    def _caution(self) -> str:
        if self.action.state != "canary":
            return "."
        return f": {self.action.canary} go first, and the rest if all of them succeed."


_BACKGROUND = {
    "retry": "are retried in the background",
    "discard": "are discarded in the background",
    "reopen": "are brought back in the background",
}
# One job, several.
_DONE = {
    "retry": ("is on its way", "are on their way"),
    "discard": ("is discarded", "are discarded"),
    "reopen": ("is back", "are back"),
}


async def begin(
    database: Database,
    redis: Redis,
    user: User | None,
    face: Face,
    chosen: Filter,
    *,
    right: Action,
    verb: Verb,
    now: dt.datetime,
    canary: int = 0,
    rate: float | None = None,
) -> Begun:
    """Does `verb` to the jobs that match in this moment.

    Raises BadRequest, Conflict if there is none (any more), and what `recorded` raises.
    """
    _check(chosen, rate)
    async with recorded(database, user, face, right, chosen.words(), verb=verb, filter=chosen.as_json()) as recording:
        action, missed = await _begin(
            recording.session, verb, chosen, by=recording.user.name, face=face, now=now, canary=canary, rate=rate
        )
        recording.details |= {"action": str(action.id), "jobs": str(action.total), "taken": action.taken}
    await outbox.send(database, redis)
    return Begun(action, missed)


async def _begin(
    session: AsyncSession,
    verb: Verb,
    asked: Filter,
    *,
    by: str,
    face: Face,
    now: dt.datetime,
    canary: int,
    rate: float | None,
) -> tuple[FailedJobsAction, int]:
    chosen = await narrowed(session, asked)
    # What fails later is none of it, so that nothing is retried in a circle. By the rows, and not by our clock.
    cutoff = await failed_take.newest(session, chosen)
    if cutoff is None:
        raise Conflict(NOTHING)
    few = await failed_take.candidates(session, chosen, cutoff=cutoff, after=None, limit=AT_ONCE + 1)
    target = await in_words(session, chosen)
    if few.last is None and len(few.ids) <= AT_ONCE:
        done = await take_all(session, verb, few.ids, chosen, target, by=by, face=face, now=now)
        return done, max(len(asked.ids), len(few.ids)) - done.taken
    action = await failed_actions.add(
        session,
        verb=verb,
        actor=by,
        face=face,
        chosen=chosen,
        target=target,
        cutoff=cutoff,
        total=await failed_list.count(session, chosen),
        canary=canary,
        rate=rate,
    )
    await outbox.stage(session, run_failed_jobs_action(action))
    return await failed_actions.get(session, action), 0


async def in_words(session: AsyncSession, chosen: Filter) -> str:
    """The filter as a person would say it."""
    group = await failed_groups.get(session, chosen.cause) if chosen.cause else None
    return chosen.words(group.exception if group else "")


def _check(chosen: Filter, rate: float | None) -> None:
    if len(chosen.ids) > MOST_NAMED:
        raise BadRequest(
            f"That is {len(chosen.ids):,} jobs by name; {MOST_NAMED:,} can be named at once. Use a filter."
        )
    if rate is not None and not rate > 0:
        raise BadRequest("The rate is a number of jobs a second, above zero.")

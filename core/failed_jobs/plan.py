"""What a verb would be done to, without doing it."""

import datetime as dt
from dataclasses import dataclass

from core.access import Action, User, require
from core.db import Database
from core.failed_jobs.begin import AT_ONCE, CANARY, in_words
from core.failed_jobs.filter import Filter
from core.failed_jobs.narrowing import narrowed
from core.queries import failed_list
from core.queries.count import Count
from core.queries.failed_list import Share


@dataclass(frozen=True)
class Plan:
    """`shares` are the largest causes among the newest of the jobs (see `failed_list.shares`)."""

    target: str
    total: Count
    in_background: bool
    canary: int
    oldest: dt.datetime | None
    newest: dt.datetime | None
    shares: tuple[Share, ...]

    @property
    def sentence(self) -> str:
        """`1,000 jobs: 5 go first, and the rest in the background if all of them succeed.`"""
        if not self.total.value:
            return f"{self.total.of('job')}."
        if not self.in_background:
            return f"{self.total.of('job')}, at once."
        if not self.canary:
            return f"{self.total.of('job')}, in the background."
        return f"{self.total.of('job')}: {self.canary} go first, and the rest in the background if all of them succeed."


async def plan(database: Database, user: User | None, chosen: Filter, *, canary: int = CANARY) -> Plan:
    """What a retry (with `canary`) of these would touch. Raises NotLoggedIn, Forbidden and DatabaseUnavailable."""
    require(user, Action.VIEW)
    async with database.session() as session:
        chosen = await narrowed(session, chosen)
        total = await failed_list.count(session, chosen)
        span = await failed_list.span(session, chosen)
        in_background = total.value > AT_ONCE or not total.exact
        return Plan(
            target=await in_words(session, chosen),
            total=total,
            in_background=in_background,
            canary=canary if in_background else 0,
            oldest=span[0] if span else None,
            newest=span[1] if span else None,
            shares=await failed_list.shares(session, chosen),
        )

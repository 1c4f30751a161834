"""Taking failed jobs by a verb: in steps, each job by one action only."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, assert_never

from sqlalchemy import (
    ARRAY,
    UUID,
    ColumnElement,
    and_,
    any_,
    exists,
    func,
    literal,
    literal_column,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from core.failed_jobs.filter import Filter
from core.models import FailedJob
from core.queries.failed_list import FailedCursor, led_by, looked_at
from core.queues.keys import QUEUES

Verb = Literal["retry", "discard", "reopen"]

# What no index serves is looked for in so many rows a step.
_WINDOW = 5_000


@dataclass(frozen=True)
class Candidates:
    """`last` is where the next step goes on; None: these were the last."""

    ids: tuple[uuid.UUID, ...]
    last: FailedCursor | None


@dataclass(frozen=True)
class TakenJob:
    """What it needs to be sent again."""

    id: uuid.UUID
    task_id: str
    job_key: str
    task: str
    queue: str
    args: list[Any]
    kwargs: dict[str, Any]
    labels: dict[str, Any]


@dataclass(frozen=True)
class Standing:
    """What became of a job, with the error that it failed with last."""

    state: str
    exception: str
    message: str


async def newest(session: AsyncSession, chosen: Filter) -> dt.datetime | None:
    """When the last of those failed that may match; None when there is none."""
    query = select(FailedJob.last_failed_at).where(led_by(chosen)).order_by(FailedJob.last_failed_at.desc()).limit(1)
    return (await session.execute(query)).scalar_one_or_none()


async def candidates(
    session: AsyncSession, chosen: Filter, *, cutoff: dt.datetime, after: FailedCursor | None, limit: int
) -> Candidates:
    """Ids of the next `limit` jobs that match and failed last at `cutoff` or before, those first that failed first."""
    leading = and_(led_by(chosen), FailedJob.last_failed_at <= cutoff)
    if after is not None:
        leading = and_(leading, tuple_(FailedJob.last_failed_at, FailedJob.id) > tuple_(after.at, after.id))
    oldest = (FailedJob.last_failed_at, FailedJob.id)
    rest = looked_at(chosen)
    if rest is None:
        rows = (await session.execute(select(*oldest).where(leading).order_by(*oldest).limit(limit))).all()
        return Candidates(tuple(row[1] for row in rows), FailedCursor(*rows[-1]) if len(rows) == limit else None)
    seen = aliased(FailedJob, select(FailedJob).where(leading).order_by(*oldest).limit(_WINDOW).subquery())
    matching = select(seen.last_failed_at, seen.id).where(rest(seen)).order_by(seen.last_failed_at, seen.id)
    rows = (await session.execute(matching.limit(limit))).all()
    if len(rows) < limit:
        end = (
            await session.execute(select(*oldest).where(leading).order_by(*oldest).offset(_WINDOW - 1).limit(1))
        ).one_or_none()
        return Candidates(tuple(row[1] for row in rows), FailedCursor(*end) if end else None)
    return Candidates(tuple(row[1] for row in rows), FailedCursor(*rows[-1]))


async def take(
    session: AsyncSession, verb: Verb, ids: Sequence[uuid.UUID], *, action: uuid.UUID, by: str
) -> tuple[TakenJob, ...]:
    """Does `verb` to those of the jobs that it can still be done to and that nobody else has in hand just now."""
    named = FailedJob.id == any_(literal(list(ids), ARRAY(UUID())))
    free = select(FailedJob.id).where(named, _possible(verb)).order_by(FailedJob.id)
    locked = free.with_for_update(skip_locked=True, of=FailedJob).cte("locked")
    settled = {"state": _BECOMES[verb], "action_id": action}
    if verb == "reopen":
        settled |= {"resolved_at": None, "resolved_by": None}
    else:
        settled |= {"resolved_at": func.now(), "resolved_by": by}
    taken = await session.execute(
        update(FailedJob)
        .where(FailedJob.id.in_(select(locked.c.id)))
        .values(settled)
        .returning(*(getattr(FailedJob, name) for name in TakenJob.__dataclass_fields__))
        .execution_options(synchronize_session=False)
    )
    return tuple(TakenJob(**row._mapping) for row in taken)


_BECOMES = {"retry": "retried", "discard": "discarded", "reopen": "open"}


def _possible(verb: Verb) -> ColumnElement[bool]:
    match verb:
        case "retry":
            # What could not even be read, or came out of a queue that is no more, cannot be sent again.
            return and_(_state("open"), FailedJob.task != UNREADABLE, FailedJob.queue.in_(QUEUES))
        case "discard":
            return _state("open")
        case "reopen":
            other = aliased(FailedJob)
            alive = exists().where(other.job_key == FailedJob.job_key, other.state.in_(("open", "retried")))
            newer = exists().where(
                other.job_key == FailedJob.job_key,
                other.state == literal_column("'discarded'"),
                tuple_(other.last_failed_at, other.id) > tuple_(FailedJob.last_failed_at, FailedJob.id),
            )
            # The job failed again since, or was discarded more than once: one living row a job.
            return and_(_state("discarded"), ~alive, ~newer)
        case _:
            assert_never(verb)


UNREADABLE = "(unreadable)"


def _state(name: str) -> ColumnElement[bool]:
    return literal_column(f"failed_jobs.state = '{name}'")


async def edit(session: AsyncSession, job: uuid.UUID, *, args: Sequence[Any], labels: dict[str, Any], key: str) -> bool:
    """Gives an open job other arguments. False: another living row has the key that they make."""
    other = select(FailedJob.id).where(
        FailedJob.job_key == key, FailedJob.id != job, text("failed_jobs.state in ('open', 'retried')")
    )
    if (await session.execute(other)).first() is not None:
        return False
    values = {"args": list(args), "kwargs": {}, "labels": labels, "job_key": key}
    await session.execute(update(FailedJob).where(FailedJob.id == job).values(values))
    return True


async def lock(session: AsyncSession, job: uuid.UUID) -> TakenJob | None:
    """An open job, held until the transaction ends; None if it is not open, or in someone else's hands."""
    names = TakenJob.__dataclass_fields__
    row = (
        await session.execute(
            select(*(getattr(FailedJob, name) for name in names))
            .where(FailedJob.id == job, _state("open"))
            .with_for_update(skip_locked=True)
        )
    ).one_or_none()
    return None if row is None else TakenJob(**row._mapping)


async def states(session: AsyncSession, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Standing]:
    """How each of the jobs stands that there still are."""
    columns = (FailedJob.id, FailedJob.state, FailedJob.exception, FailedJob.message)
    rows = await session.execute(select(*columns).where(FailedJob.id.in_(list(ids))))
    return {row[0]: Standing(*row[1:]) for row in rows}

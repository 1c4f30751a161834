"""`/failed-jobs`: the jobs that gave up, and what is to become of them."""

import datetime as dt
import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from core.errors import BadRequest
from core.failed_jobs import cancel, discard, edit, export, plan, reopen, retry, skip_canary
from core.failed_jobs.begin import CANARY, Begun
from core.failed_jobs.filter import Filter, State
from core.failed_jobs.narrowing import narrowed
from core.failed_jobs.plan import Plan
from core.moments import moment
from core.queries import failed_actions, failed_groups, failed_list, failed_show
from core.queries.failed_actions import FailedJobsAction
from core.queries.failed_groups import FailedGroup
from core.queries.failed_list import FailedCursor, FailedRow
from core.queries.failed_show import FailedJobStory
from dashboard import urls
from dashboard.api.access import Discarder, JobEditor, Retrier, Viewer
from dashboard.api.body import Body
from dashboard.api.clock import Now
from dashboard.api.files import Form, as_file
from dashboard.api.paging import After, Limit, Page, position
from dashboard.context import context

router = APIRouter(prefix="/failed-jobs", tags=["failed jobs"])


class Selection(BaseModel):
    """Which jobs. Every part narrows it; what is left out says nothing."""

    state: State = "open"
    task: str = ""
    queue: str = ""
    cause: str = Field("", description="The fingerprint of a group.")
    since: str = Field("", description="How long ago (90min, 24h, 7d), or a time.")
    text: str = Field("", description="In exception, message, task and arguments.")
    action: uuid.UUID | None = Field(None, description="What was done to them last.")
    ids: list[uuid.UUID] = Field([], description="These, one by one.")

    def filter(self, now: dt.datetime) -> Filter:
        """Raises BadRequest for a time that is none."""
        return Filter(
            state=self.state,
            task=self.task,
            queue=self.queue,
            cause=self.cause,
            since=moment(self.since, now) if self.since else None,
            text=self.text,
            action=self.action,
            ids=tuple(self.ids),
        )


class Chosen(Body, Selection):
    """Which jobs something is to be done to."""

    everything: bool = Field(False, description="All of them: has to be said when nothing narrows it.")

    def meant(self, now: dt.datetime) -> Filter:
        """The filter. Raises BadRequest when it would be everything and nobody said so."""
        chosen = self.filter(now)
        if chosen.is_everything != self.everything:
            raise BadRequest("Say which: ids, or everything, or what they have in common.")
        return chosen


class ToRetry(Chosen):
    canary: int = Field(CANARY, ge=0, le=100, description="Of many, so many go first; the rest if all of them succeed.")
    rate: float | None = Field(None, gt=0, description="At most so many a second.")


class Arguments(Body):
    """What the task is called with instead."""

    args: list[Any] = Field(default_factory=list)
    kwargs: dict[str, Any] = Field(default_factory=dict)


class FailedJobsPage(Page[FailedRow]):
    """The newest first."""

    searched: int | None = Field(None, description="Only so many were looked through, and there are more.")


class BegunAnswer(BaseModel):
    """What has become of the wish."""

    action: FailedJobsAction
    missed: int = Field(description="Jobs that had been settled already.")
    sentence: str

    @classmethod
    def of(cls, begun: Begun) -> "BegunAnswer":
        return cls(action=begun.action, missed=begun.missed, sentence=begun.sentence)


@router.get("", summary="Jobs that gave up, the newest first")
async def list_failed_jobs(
    _user: Viewer, selection: Annotated[Selection, Query()], now: Now, after: After = None, limit: Limit = 50
) -> FailedJobsPage:
    async with context().database.session() as session:
        chosen = await narrowed(session, selection.filter(now))
        page = await failed_list.page(session, chosen, after=position(after, FailedCursor), limit=limit)
    return FailedJobsPage(items=page.rows, next=urls.cursor(page.next), searched=page.searched)


@router.get("/groups", summary="Causes, the most frequent first")
async def list_groups(_user: Viewer, limit: Limit = 100) -> tuple[FailedGroup, ...]:
    async with context().database.session() as session:
        return await failed_groups.largest(session, limit)


@router.get("/export", summary="Every job that matches, as a file", response_class=StreamingResponse)
async def export_jobs(
    user: Viewer, selection: Annotated[Selection, Query()], now: Now, form: Form = "json"
) -> StreamingResponse:
    write = export.as_csv if form == "csv" else export.as_json
    return await as_file(write(context().database, user, selection.filter(now)), "failed-jobs", form)


@router.post("/plan", summary="What a retry would touch, without doing it")
async def make_plan(chosen: Chosen, user: Retrier, now: Now) -> Plan:
    return await plan.plan(context().database, user, chosen.meant(now))


@router.post("/retry", status_code=202, summary="Send jobs again")
async def retry_jobs(chosen: ToRetry, user: Retrier, now: Now) -> BegunAnswer:
    database, redis, wanted = context().database, context().redis, chosen.meant(now)
    return BegunAnswer.of(
        await retry.retry(database, redis, user, "api", wanted, now=now, canary=chosen.canary, rate=chosen.rate)
    )


@router.post("/discard", status_code=202, summary="Take jobs off the list without sending them again")
async def discard_jobs(chosen: Chosen, user: Discarder, now: Now) -> BegunAnswer:
    wanted = chosen.meant(now)
    return BegunAnswer.of(await discard.discard(context().database, context().redis, user, "api", wanted, now=now))


@router.post("/reopen", status_code=202, summary="Bring discarded jobs back")
async def reopen_jobs(chosen: Chosen, user: Discarder, now: Now) -> BegunAnswer:
    wanted = chosen.meant(now)
    return BegunAnswer.of(await reopen.reopen(context().database, context().redis, user, "api", wanted, now=now))


@router.get("/actions", summary="What was done to failed jobs, the latest first")
async def list_actions(_user: Viewer, limit: Limit = 50) -> tuple[FailedJobsAction, ...]:
    async with context().database.session() as session:
        return await failed_actions.recent(session, limit)


@router.get("/actions/{action_id}", summary="How far an action is, and what became of its jobs")
async def show_action(action_id: uuid.UUID, _user: Viewer) -> FailedJobsAction:
    async with context().database.session() as session:
        return await failed_actions.get(session, action_id)


@router.post("/actions/{action_id}/cancel", summary="Take no more jobs")
async def cancel_action(action_id: uuid.UUID, user: Retrier, now: Now) -> FailedJobsAction:
    return await cancel.cancel(context().database, user, "api", action_id, now=now)


@router.post("/actions/{action_id}/skip-canary", status_code=204, summary="Send the rest without waiting")
async def skip(action_id: uuid.UUID, user: Retrier) -> None:
    await skip_canary.skip_canary(context().database, user, "api", action_id)


@router.post("/actions/{action_id}/undo", status_code=202, summary="Bring back what an action discarded")
async def undo(action_id: uuid.UUID, user: Discarder, now: Now) -> BegunAnswer:
    return BegunAnswer.of(await reopen.undo(context().database, context().redis, user, "api", action_id, now=now))


@router.get("/{job_id}", summary="The whole story of a job")
async def show(job_id: uuid.UUID, _user: Viewer) -> FailedJobStory:
    async with context().database.session() as session:
        return await failed_show.get(session, job_id)


@router.post("/{job_id}/edit", status_code=202, summary="Retry a job with other arguments")
async def edit_job(job_id: uuid.UUID, given: Arguments, user: JobEditor, now: Now) -> BegunAnswer:
    database, redis = context().database, context().redis
    return BegunAnswer.of(
        await edit.edit(database, redis, user, "api", job_id, args=given.args, kwargs=given.kwargs, now=now)
    )

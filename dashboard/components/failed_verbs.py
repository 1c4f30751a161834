"""What can be done to failed jobs: at once for a few, after a look at the plan for many."""

import uuid
from collections.abc import Awaitable, Callable

from core.access import Action
from core.attention import Attention
from core.errors import BadRequest
from core.failed_jobs import cancel, discard, edit, plan, reopen, retry, skip_canary
from core.failed_jobs.begin import AT_ONCE, CANARY, Begun
from core.failed_jobs.filter import Filter
from core.failed_jobs.plan import Plan
from core.phrases import counted
from core.queries.count import Count
from core.queries.failed_show import FailedJobStory
from core.queues.catalogue import CATALOGUE
from dashboard import acting
from dashboard.components.attention_list import OneClick
from dashboard.components.failed_groups import short
from dashboard.components.forms import Check, Dialog, Field
from dashboard.components.html import Text, box, button
from dashboard.context import context
from dashboard.guard import acting_user
from dashboard.notices import notice


class FailedVerbs:
    """`changed` reads the jobs again."""

    def __init__(self, changed: Callable[[], Awaitable[None]]) -> None:
        self._changed = changed
        self._dialog = Dialog("Failed jobs")

    async def retry(self, chosen: Filter, count: Count) -> None:
        """A few at once; many after a look at what that means."""
        if is_small(count):
            await self._said(await retry.retry(*await acting.queueing_to(), chosen, now=acting.now()))
        else:
            found = await plan.plan(context().database, await acting_user(), chosen)
            self._dialog.open(f"Retry {found.total.of('failed job')}?", lambda: self._draw_retry(chosen, found))

    async def discard(self, chosen: Filter, count: Count) -> None:
        if is_small(count):
            await self._said(await discard.discard(*await acting.queueing_to(), chosen, now=acting.now()))
        else:
            found = await plan.plan(context().database, await acting_user(), chosen, canary=0)
            self._dialog.open(f"Discard {found.total.of('failed job')}?", lambda: self._draw_discard(chosen, found))

    async def retry_one(self, job: FailedJobStory) -> None:
        await self.retry(Filter(ids=(job.id,)), Count(1))

    async def discard_one(self, job: FailedJobStory) -> None:
        await self.discard(Filter(ids=(job.id,)), Count(1))

    async def bring_back(self, chosen: Filter) -> None:
        await self._said(await reopen.reopen(*await acting.queueing_to(), chosen, now=acting.now()))

    async def undo(self, action: uuid.UUID) -> None:
        await self._said(await reopen.undo(*await acting.queueing_to(), action, now=acting.now()))

    async def cancel(self, action: uuid.UUID) -> None:
        ended = await cancel.cancel(*await acting.recording_to(), action, now=acting.now())
        notice(ended.reason or "It is cancelled.", "warning")
        await self._changed()

    async def skip_canary(self, action: uuid.UUID) -> None:
        await skip_canary.skip_canary(*await acting.recording_to(), action)
        notice("The rest goes ahead.")
        await self._changed()

    async def edit(self, job: FailedJobStory) -> None:
        self._dialog.open(f"Retry {job.task} with other arguments", lambda: self._draw_edit(job))

    def _draw_retry(self, chosen: Filter, found: Plan) -> None:
        shares(found)
        caution = Check(f"Send {CANARY} first, and the rest only if all of them succeed", on=True)
        rate = Field("At most … jobs a second (empty: as fast as it goes)")
        rate.element.props["inputmode"] = "decimal"

        async def go() -> None:
            begun = await retry.retry(
                *await acting.queueing_to(),
                chosen,
                now=acting.now(),
                canary=CANARY if caution.on else 0,
                rate=_rate(rate.value),
            )
            await self._said(begun)

        self._end(f"Retry {found.total}", go, "primary")

    def _draw_discard(self, chosen: Filter, found: Plan) -> None:
        shares(found)
        Text("p", "They leave the list and are not sent again. For a month they can be brought back.", "under")

        async def go() -> None:
            await self._said(await discard.discard(*await acting.queueing_to(), chosen, now=acting.now()))

        self._end(f"Discard {found.total}", go, "danger")

    def _draw_edit(self, job: FailedJobStory) -> None:
        names = [parameter.name for parameter in CATALOGUE[job.task].parameters]
        before = dict(zip(names, job.args, strict=False)) | job.kwargs
        fields = {name: Field(name, value=str(before.get(name, ""))) for name in names}
        next(iter(fields.values())).element.props("autofocus")

        async def go() -> None:
            given = {name: field.value.strip() for name, field in fields.items()}
            begun = await edit.edit(*await acting.queueing_to(), job.id, args=(), kwargs=given, now=acting.now())
            await self._said(begun)

        self._end("Retry", go, "primary")

    def _end(self, text: str, act: Callable[[], Awaitable[None]], tone: str) -> None:
        with box(classes="actions end"):
            self._dialog.cancel()
            button(text, act, tone).props("autofocus")

    async def _said(self, begun: Begun) -> None:
        self._dialog.close()
        notice(begun.sentence, "warning" if begun.missed else "positive")
        await self._changed()


def retrying(item: Attention) -> OneClick | None:
    """For failed jobs of one cause: to retry them all. Of more than a few, some go first."""
    if not item.cause or not acting.allowed(Action.RETRY_JOBS):
        return None

    async def act() -> None:
        begun = await retry.retry(*await acting.queueing_to(), Filter(cause=item.cause), now=acting.now())
        notice(begun.sentence, "warning" if begun.missed else "positive")

    return OneClick(f"Retry {item.number:,}", act)


def is_small(count: Count) -> bool:
    """Whether it is done while the person waits."""
    return count.exact and count.value <= AT_ONCE


def shares(found: Plan) -> None:
    """What the jobs are, by cause."""
    Text("p", found.sentence, "words")
    with box("ul", "outcome"):
        for share in found.shares:
            with box("li"):
                Text("b", f"{short(share.exception)}")
                Text("span", f"{share.task}: {counted(share.number, 'job')}")
    counted_ = sum(share.number for share in found.shares)
    if not found.total.exact or counted_ < found.total.value:
        Text("p", f"Causes of the newest {counted_:,}.", "under")


def _rate(said: str) -> float | None:
    if not said.strip():
        return None
    try:
        return float(said)
    except ValueError:
        raise BadRequest("The rate is a number of jobs a second.") from None

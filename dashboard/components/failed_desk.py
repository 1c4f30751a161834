"""The failed jobs: filters, causes, the list, the job beside it, and what is done to them."""

import datetime as dt
import uuid
from dataclasses import replace

from core.access import Action
from core.errors import NotFound
from core.failed_jobs import view
from core.failed_jobs.filter import Filter
from core.failed_jobs.view import GROUPS, Seen, View
from core.queries.count import Count
from core.queries.failed_list import FailedCursor
from core.snapshot import Snapshot
from dashboard import acting
from dashboard.components.action_list import ActionList
from dashboard.components.failed_address import PATH, FailedAddress
from dashboard.components.failed_bar import FailedButtons, failed_filters
from dashboard.components.failed_groups import FailedGroups
from dashboard.components.failed_job import FailedJob
from dashboard.components.failed_table import FailedTable
from dashboard.components.failed_verbs import FailedVerbs
from dashboard.components.html import Text, box, button, link
from dashboard.components.pager import pager
from dashboard.components.part import Part
from dashboard.context import context
from dashboard.notices import reported
from dashboard.shell import Frame

PAGE = 50
# The last deed stays in sight for so long, with its way back; then it is among the earlier ones.
RECENT = dt.timedelta(minutes=15)


class FailedDesk:
    """No row moves under the reader's eyes: what comes is announced, what is settled stays where it is."""

    def __init__(self, asked: FailedAddress, frame: Frame) -> None:
        self._asked = asked
        self._table: FailedTable | None = None
        self._top: FailedCursor | None = None
        self._count, self._everything, self._job = Count(0), False, asked.job
        self._selection = ("", "")
        self._verbs = FailedVerbs(self._again)
        latest = context().poller.latest
        with box(classes="bar tight"):
            failed_filters(asked, latest.readings.failed.value if latest else None)
            box(classes="space")
            self._buttons = FailedButtons(asked, retry=self._retry, discard=self._discard, bring_back=self._bring_back)
        self._deeds = ActionList(self._verbs)
        with box(classes="desk"):
            self._groups = FailedGroups(asked.cause, lambda cause: replace(asked.first, cause=cause).url)
            with box(classes="list"):
                self._news = button("", self._again, "news")
                self._news.set_visibility(False)
                self._part = Part(frame, self._read, self._draw, self._update)
            self._beside = FailedJob(self._verbs, self._close)
        frame.follow(self._follow)
        self._part.follow(frame, sign)

    async def open(self) -> None:
        """To be awaited at the end of the page."""
        if self._job is not None:
            await self._open(self._job)
        await self._part.open()

    def _follow(self, snapshot: Snapshot) -> None:
        summary = snapshot.readings.failed.value
        actions = summary.actions if summary else ()
        self._deeds.show(actions, since=snapshot.at - RECENT)

    # What is shown

    async def _read(self) -> View:
        seen = Seen(self._table.ids, self._top) if self._table else Seen()
        now = acting.now()
        chosen = self._asked.filter(now)
        return await view.view(context().database, chosen, after=self._asked.after, limit=PAGE, seen=seen, now=now)

    def _draw(self, found: View) -> None:
        self._table, self._top, self._everything = None, None, False
        self._news.set_visibility(False)
        rows = found.page.rows
        if rows:
            if self._asked.after is None:
                self._top = FailedCursor(rows[0].last_failed_at, rows[0].id)
            with box("section", "card flush").props('aria-label="Failed jobs"'):
                self._table = FailedTable(
                    rows,
                    found.about,
                    address=lambda job: replace(self._asked, job=job).url,
                    opened=self._open,
                    changed=self._chose,
                    choosing=acting.allowed(Action.RETRY_JOBS) and self._asked.state in {"open", "discarded"},
                )
                self._table.open(self._job)
            self._chosen = box(classes="selection").props("role=status")
            self._selection = ("", "")
        self._foot(found)
        self._show(found)

    def _update(self, found: View) -> bool:
        if self._table is None:
            return False
        self._table.show(found.settled)
        self._news.say(f"↑ {found.newer} new: show")
        self._news.set_visibility(found.newer.value > 0)
        self._show(found)
        return True

    def _show(self, found: View) -> None:
        self._count = found.count
        latest = context().poller.latest
        causes = latest.readings.failed.value.causes if latest and latest.readings.failed.value else Count(0)
        rest = causes.value - len(found.groups)
        # The count is of the last poll, the list of this moment: only beyond what a list shows does it mean more.
        full = len(found.groups) >= GROUPS
        more = f"{rest:,}{'' if causes.exact else '+'} more, each with fewer jobs." if full and rest > 0 else ""
        self._groups.show(found.groups, found.hours, more, acting.now())
        self._say_chosen()

    def _foot(self, found: View) -> None:
        page, asked = found.page, self._asked
        if not page.rows and page.searched is None:
            _nothing(asked)
            return
        if not page.rows:
            with box("section", "card blank"):
                Text("h2", f"None of the newest {page.searched:,} matches")
                Text("p", "Older ones may. A task, a queue or a cause narrows the search.", "mute")
        onward = "Look further back" if page.searched is not None else f"Older {PAGE}"
        pager(
            _extent(len(page.rows), found.count, page.searched),
            first=asked.first.url if asked.after else None,
            following=(onward, replace(asked, after=page.next, job=None).url) if page.next else None,
        )

    # What is chosen

    def _chose(self) -> None:
        self._everything = False
        self._say_chosen()

    async def _choose_everything(self) -> None:
        if self._table is not None:
            self._table.choose(on=True)
        self._everything = True
        self._say_chosen()

    async def _choose_nothing(self) -> None:
        if self._table is not None:
            self._table.choose(on=False)
        self._chose()

    def _say_chosen(self) -> None:
        ids = self._table.chosen if self._table and not self._everything else ()
        number = len(ids)
        self._buttons.show(self._count, ids)
        if self._table is None:
            return
        more = f"{self._count}" if number == len(self._table.ids) and self._count.value > number else ""
        selection = (f"{self._count}" if self._everything else f"{number}" if number else "", more)
        # Drawn anew only when it says something else: the focus may be in it.
        if selection != self._selection:
            self._selection = selection
            self._chosen.clear()
            with self._chosen:
                self._draw_selection(*selection)

    def _draw_selection(self, chosen: str, more: str) -> None:
        """`more` match than all of the page, which is chosen."""
        if not chosen:
            return
        Text("b", f"All {chosen} that match are selected" if self._everything else f"{chosen} selected")
        if more:
            button(f"Select all {more} that match", self._choose_everything, "small")
        button("Clear", self._choose_nothing, "small")
        box(classes="space")
        self._buttons.again(chosen)

    def _target(self) -> tuple[Filter, Count]:
        """The ticked rows; where none is ticked, all that match."""
        chosen = self._asked.filter(acting.now())
        ids = self._table.chosen if self._table and not self._everything else ()
        return (Filter(state=chosen.state, ids=ids), Count(len(ids))) if ids else (chosen, self._count)

    async def _retry(self) -> None:
        await self._verbs.retry(*self._target())

    async def _discard(self) -> None:
        await self._verbs.discard(*self._target())

    async def _bring_back(self) -> None:
        await self._verbs.bring_back(self._target()[0])

    async def _again(self) -> None:
        await self._part.again()
        if self._job is not None:
            await self._open(self._job)

    # The job beside the list

    async def _open(self, job: uuid.UUID) -> None:
        async with reported():
            try:
                story = await view.story(context().database, job)
            except NotFound:
                self._close()
                raise
            opened = job != self._job
            self._job = job
            self._beside.show(story)
            if self._table is not None:
                self._table.open(job)
            if opened:
                self._beside.focus()

    def _close(self) -> None:
        self._job = None
        self._beside.hide()
        if self._table is not None:
            self._table.open(None)


def sign(snapshot: Snapshot) -> object:
    """Changes when a job failed or was settled."""
    summary = snapshot.readings.failed.value
    return summary and (summary.open, summary.newest, [(a.id, a.taken, a.succeeded) for a in summary.actions])


def _extent(rows: int, count: Count, searched: int | None) -> str:
    """`50 of 1,000,000`, `3 found in the newest 20,000`."""
    if searched is not None:
        return f"{rows} found in {searched:,} that were looked through"
    return f"{rows} of {count}"


def _nothing(asked: FailedAddress) -> None:
    with box("section", "card blank"):
        if asked.after is not None:
            Text("h2", "There are no older ones")
            link("First page", asked.first.url, "btn")
        elif asked.is_everything and asked.state == "open":
            Text("h2", "Nothing has failed")
            Text(
                "p",
                "A job that gives up after its retries is kept here with its whole story, until a person decides "
                "what is to become of it.",
                "mute",
            )
        else:
            Text("h2", "No job matches that")
            link("Show all failed jobs", PATH, "btn")

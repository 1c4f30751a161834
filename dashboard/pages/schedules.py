"""What is due when: the scheduler's own duties, and the feeds."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from core.phrases import counted
from core.queries import feeds
from core.queries.feeds import FeedRow
from core.queues import duties
from core.queues.duties import DutyState
from core.readings import Readings
from core.snapshot import Snapshot
from dashboard import shell
from dashboard.components.due_feeds import DueFeeds
from dashboard.components.duty_table import DutyTable
from dashboard.components.part import Part
from dashboard.context import context

PATH = "/schedules"
# The next ones; the page Feeds has all of them.
MOST = 20


@dataclass(frozen=True)
class Due:
    duties: tuple[DutyState, ...]
    feeds: tuple[FeedRow, ...]


async def schedules() -> None:
    with shell.frame(PATH, "Schedules", "Reading…") as frame:
        tables = _Tables(lambda: part.again(anew=False))
        part = Part(frame, _read, tables.draw, tables.update)

    def show(snapshot: Snapshot) -> None:
        frame.heading.say(headline(snapshot.readings))
        frame.lede.say(lede(snapshot.readings))

    frame.follow(show)
    # What is due moves on by itself: it is read again with every snapshot, as far as the part allows.
    part.follow(frame, lambda snapshot: snapshot.at)
    await part.open()


async def _read() -> Due:
    found = await duties.states(context().redis)
    async with context().database.session() as session:
        return Due(found, await feeds.upcoming(session, MOST))


class _Tables:
    def __init__(self, changed: Callable[[], Awaitable[None]]) -> None:
        self._changed = changed
        self._duties: DutyTable | None = None
        self._feeds: DueFeeds | None = None

    def draw(self, due: Due) -> None:
        self._duties, self._feeds = DutyTable(self._changed), DueFeeds(self._changed)
        self.update(due)

    def update(self, due: Due) -> bool:
        if self._duties is None or self._feeds is None:
            return False
        self._duties.show(due.duties)
        self._feeds.show(due.feeds)
        return True


def headline(readings: Readings) -> str:
    """`3 feeds are due now`."""
    counts = readings.feeds.value
    if counts is None:
        return "Schedules"
    if not counts.due:
        return "No feed is due right now"
    return f"{counted(counts.due, 'feed')} {'is' if counts.due == 1 else 'are'} due now"


def lede(readings: Readings) -> str:
    """Whether anybody sees to it."""
    scheduler = readings.scheduler
    if not scheduler.ok:
        return scheduler.problem("Redis")
    if scheduler.value is None:
        return "No scheduler is alive, so nothing becomes due. Start one with “signalist scheduler”."
    return f"The scheduler {scheduler.value.name} sees to all of it."

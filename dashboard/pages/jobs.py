"""What runs, what waits, what is delayed, and what finished lately."""

from collections.abc import Sequence

from core.phrases import counted
from core.queues import QUEUES
from core.readings import Readings
from core.snapshot import Snapshot
from dashboard import shell
from dashboard.components.forms import chip
from dashboard.components.html import box
from dashboard.components.job_tables import JobTables
from dashboard.components.part import Part
from dashboard.context import QueueJobs, context
from dashboard.urls import url

PATH = "/jobs"


async def jobs(queue: str = "") -> None:
    chosen = queue if queue in QUEUES else ""
    with shell.frame(PATH, "Jobs", "Reading…") as frame:
        with box(classes="chips"):
            chip("All queues", PATH, on=not chosen)
            for name in QUEUES:
                chip(name, url(PATH, queue=name), on=name == chosen)
        tables = JobTables(lambda: part.again(anew=False))

        async def read() -> Sequence[QueueJobs]:
            return [found for found in await context().jobs() if chosen in {"", found.queue}]

        part = Part(frame, read, tables.draw, tables.update)

    def show(snapshot: Snapshot) -> None:
        frame.heading.say(headline(snapshot.readings))
        frame.lede.say(lede(snapshot.readings))

    frame.follow(show)
    part.follow(frame, lambda snapshot: snapshot.readings.queues.value, lambda readings: readings.redis)
    await part.open()


def headline(readings: Readings) -> str:
    """`6 jobs run, 212 wait`; `Nothing runs, nothing waits`."""
    depths = readings.queues.value
    if not readings.queues.ok or depths is None:
        return "What runs is unknown"
    running, waiting = sum(queue.running for queue in depths), sum(queue.waiting for queue in depths)
    if running == waiting == 0:
        return "Nothing runs, nothing waits"
    runs = f"{counted(running, 'job')} {'runs' if running == 1 else 'run'}" if running else "Nothing runs"
    return f"{runs}, {waiting:,} {'waits' if waiting == 1 else 'wait'}" if waiting else f"{runs}, nothing waits"


def lede(readings: Readings) -> str:
    """What is delayed, and where the numbers come from."""
    depths = readings.queues.value
    if not readings.queues.ok or depths is None:
        return f"{readings.queues.problem('Redis')} What was accepted is kept."
    delayed = sum(queue.delayed for queue in depths)
    later = f"{delayed:,} {'waits' if delayed == 1 else 'wait'} for another attempt; " if delayed else ""
    return f"{later}what gave up is among the failed jobs.".capitalize()

"""What runs, what waits, what is delayed, and what finished lately."""

from collections.abc import Sequence
from typing import Any

from core.phrases import counted
from core.queues import QUEUES, QueueDepth
from core.queues.listing import SAMPLED
from core.reading import Reading
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
        listed: list[QueueJobs] = []

        async def read() -> Sequence[QueueJobs]:
            return [found for found in await context().jobs() if chosen in {"", found.queue}]

        def draw(found: Sequence[QueueJobs]) -> None:
            tables.draw(found)
            keep(found)

        def update(found: Sequence[QueueJobs]) -> bool:
            keep(found)
            return tables.update(found)

        part = Part(frame, read, draw, update)

    def keep(found: Sequence[QueueJobs]) -> None:
        listed[:] = found
        if (latest := context().poller.latest) is not None:
            show(latest)

    def show(snapshot: Snapshot) -> None:
        depths = [depth for depth in snapshot.readings.queues.value or () if chosen in {"", depth.name}]
        frame.heading.say(headline(snapshot.readings.queues, depths, listed))
        frame.lede.say(lede(snapshot.readings.queues, depths, listed))

    frame.follow(show)
    part.follow(frame, lambda snapshot: snapshot.readings.queues.value, lambda readings: readings.redis)
    await part.open()


def headline(queues: Reading[Any], depths: Sequence[QueueDepth], listed: Sequence[QueueJobs]) -> str:
    """`6 jobs run, 212 wait`; `Nothing runs, nothing waits`."""
    if not queues.ok:
        return "What runs is unknown"
    running, waiting = (tally(kind, depths, listed) for kind in ("running", "waiting"))
    if running == waiting == 0:
        return "Nothing runs, nothing waits"
    runs = f"{counted(running, 'job')} {'runs' if running == 1 else 'run'}" if running else "Nothing runs"
    return f"{runs}, {waiting:,} {'waits' if waiting == 1 else 'wait'}" if waiting else f"{runs}, nothing waits"


def lede(queues: Reading[Any], depths: Sequence[QueueDepth], listed: Sequence[QueueJobs]) -> str:
    """What is delayed, and where the numbers come from."""
    if not queues.ok:
        return f"{queues.problem('Redis')} What was accepted is kept."
    delayed = tally("delayed", depths, listed)
    later = f"{delayed:,} {'waits' if delayed == 1 else 'wait'} for another attempt; " if delayed else ""
    return f"{later}what gave up is among the failed jobs.".capitalize()


def tally(kind: str, depths: Sequence[QueueDepth], listed: Sequence[QueueJobs]) -> int:
    """How many jobs of that kind there are: as the lists below say where they have all, else as the queues do."""
    known = {queue.queue: len(getattr(queue.now, kind)) for queue in listed}
    counts = ((known.get(depth.name, SAMPLED), getattr(depth, kind)) for depth in depths)
    return sum(count if count < SAMPLED else depth for count, depth in counts)

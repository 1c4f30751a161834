"""What waits, for how long, what runs, and holding a queue."""

import asyncio
from collections.abc import Sequence

from core.access import Action
from core.history import series, total
from core.phrases import counted, duration, listed
from core.queues import QUEUES
from core.queues.listing import JobSample
from core.readings import Readings
from core.snapshot import Snapshot
from dashboard import acting, design, shell
from dashboard.components.chart import Chart
from dashboard.components.html import Text, box
from dashboard.components.job_lists import JobLists
from dashboard.components.part import Part
from dashboard.components.queue_purge import QueuePurge
from dashboard.components.queue_switch import QueueSwitches
from dashboard.components.queue_table import QueueTable
from dashboard.components.queue_tiles import QueueTiles
from dashboard.components.queue_times import QueueTimes
from dashboard.components.running_jobs import RunningJobs
from dashboard.context import context
from dashboard.pages.overview import NO_SAMPLES

COLOURS = {queue: design.SERIES[queue] for queue in QUEUES}


async def queues() -> None:
    switches, purge = QueueSwitches(), QueuePurge()

    def actions(queue: str) -> None:
        switches.draw(queue)
        if acting.allowed(Action.PURGE_QUEUE):
            purge.draw(queue)

    with shell.frame("/queues", "Queues", "Reading…") as frame:
        tiles = QueueTiles()
        with box("section", "card").style("margin-bottom:14px"):
            with box(classes="head"):
                Text("h2", "All queues")
            table = QueueTable(actions if acting.allowed(Action.PAUSE_QUEUE) else None)
        times = QueueTimes()
        timed = Part(frame, context().job_times, times.draw, times.update)
        running = RunningJobs()
        with box(classes="grid g2"):
            waiting = Chart("Waiting jobs", COLOURS, NO_SAMPLES)
            oldest = Chart("Oldest waiting job, seconds", COLOURS, NO_SAMPLES)
        lists = _Lists()
        sampled = Part(frame, context().job_samples, lists.draw, lists.update)

    def show(snapshot: Snapshot) -> None:
        readings = snapshot.readings
        points = readings.history.value or ()
        frame.heading.say(headline(readings))
        frame.lede.say(lede(readings))
        tiles.show(readings)
        table.show(readings.queues, points)
        switches.show(readings.queues)
        times.show_oldest(readings.queues)
        running.show(readings.workers)
        waiting.show({queue: series(points, f"waiting.{queue}") for queue in QUEUES})
        oldest.show({queue: series(points, f"oldest_s.{queue}") for queue in QUEUES})

    frame.follow(show)
    sampled.follow(frame, lambda snapshot: snapshot.readings.queues.value, lambda readings: readings.redis)
    timed.follow(frame, _ended, lambda readings: readings.redis)
    await asyncio.gather(timed.open(), sampled.open())


def _ended(snapshot: Snapshot) -> object:
    return [(queue.done, queue.failed) for queue in snapshot.readings.queues.value or ()]


class _Lists:
    """The lists of sampled jobs, once there is a sample."""

    def __init__(self) -> None:
        self._lists: JobLists | None = None

    def draw(self, samples: Sequence[JobSample]) -> None:
        self._lists = JobLists()
        self._lists.show(samples)

    def update(self, samples: Sequence[JobSample]) -> bool:
        return self._lists is not None and self._lists.show(samples)


def headline(readings: Readings) -> str:
    """`12 jobs wait, the oldest for 4 s`."""
    if not readings.queues.ok or readings.queues.value is None:
        return "How much waits is unknown"
    depths = readings.queues.value
    waiting, ages = sum(q.waiting for q in depths), [q.oldest_wait_s for q in depths if q.oldest_wait_s is not None]
    if not waiting:
        return "Nothing waits"
    oldest = f", the oldest for {duration(max(ages))}" if ages else ""
    return f"{counted(waiting, 'job')} {'waits' if waiting == 1 else 'wait'}{oldest}"


def lede(readings: Readings) -> str:
    """What else there is to know, in a line."""
    queues = readings.queues
    if not queues.ok or queues.value is None:
        since = f" Unknown since {queues.failing_since.astimezone():%H:%M:%S}." if queues.failing_since else ""
        return f"{queues.problem('Redis')}{since} What was accepted is kept."
    paused = [queue.name for queue in queues.value if queue.paused]
    running, delayed = (sum(getattr(queue, kind) for queue in queues.value) for kind in ("running", "delayed"))
    parts = [f"{counted(running, 'job')} {'runs' if running == 1 else 'run'}" if running else "No job runs"]
    if delayed:
        parts.append(f"{delayed:,} {'waits' if delayed == 1 else 'wait'} for another attempt")
    points = readings.history.value or ()
    done, failed = (total(points, [f"{kind}.{queue}" for queue in QUEUES]) for kind in ("done", "failed"))
    if done is not None and failed is not None:
        parts.append(f"{done:,.0f} finished and {failed:,.0f} failed in the last hour")
    held = f" {listed(paused).capitalize()} {'is' if len(paused) == 1 else 'are'} paused." if paused else ""
    return f"{', '.join(parts)}.{held}"

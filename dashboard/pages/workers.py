"""The worker processes: alive, busy, how big and how old; and replacing one by a fresh one."""

from core.phrases import counted
from core.readings import Readings
from core.snapshot import Snapshot
from dashboard import shell
from dashboard.components.html import Text, box
from dashboard.components.running_jobs import RunningJobs
from dashboard.components.worker_table import WorkerTable

PATH = "/workers"


async def workers() -> None:
    with shell.frame(PATH, "Workers", "Reading…") as frame, box() as cards:
        with box("section", "card").style("margin-bottom:14px"):
            with box(classes="head"):
                Text("h2", "Processes")
            table = WorkerTable()
        running = RunningJobs()

    def show(snapshot: Snapshot) -> None:
        frame.heading.say(headline(snapshot.readings))
        frame.lede.say(lede(snapshot.readings))
        workers = snapshot.readings.workers
        # That there are none, or that nobody knows, is said above, once.
        cards.set_visibility(workers.ok and bool(workers.value))
        table.show((workers.value if workers.ok else None) or ())
        running.show(workers)

    frame.follow(show)


def headline(readings: Readings) -> str:
    """`2 workers, 18 of 20 slots busy`."""
    found = readings.workers.value
    if not readings.workers.ok or found is None:
        return "Which workers are alive is unknown"
    if not found:
        return "No worker is alive"
    busy, slots = sum(beat.busy for beat in found), sum(beat.slots for beat in found)
    drained = sum(beat.drained for beat in found)
    return f"{counted(len(found), 'worker')}, {busy:,} of {counted(slots, 'slot')} busy" + (
        f", {drained:,} drained" if drained else ""
    )


def lede(readings: Readings) -> str:
    """What to do, or what happens by itself."""
    if not readings.workers.ok:
        since = readings.workers.failing_since
        return f"{readings.workers.problem('Redis')}" + (
            f" Unknown since {since.astimezone():%H:%M:%S}." if since else ""
        )
    if not readings.workers.value:
        return "Jobs are accepted and wait. Start one with “signalist worker”."
    return "Each is replaced by a fresh one after an hour or when it grows too big, between two jobs. None loses any."

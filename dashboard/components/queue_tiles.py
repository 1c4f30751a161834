"""A tile a queue: how much waits and for how long, and the last hour of it."""

from core.health import Status
from core.health.queue import SLOW_S
from core.history import series, total
from core.phrases import counted, duration
from core.queues import QUEUES, QueueDepth
from core.readings import Readings
from dashboard.components.html import box
from dashboard.components.tile import Face, Tile


class QueueTiles:
    def __init__(self) -> None:
        with box(classes="grid g4"):
            self._tiles = {queue: Tile(queue) for queue in QUEUES}

    def show(self, readings: Readings) -> None:
        known = {queue.name: queue for queue in readings.queues.value or ()} if readings.queues.ok else {}
        for name, tile in self._tiles.items():
            tile.show(face(known[name], readings) if name in known else unknown(name, readings))


def face(queue: QueueDepth, readings: Readings) -> Face:
    """What the tile of a queue shows."""
    points = readings.history.value or ()
    done, failed = (total(points, [f"{kind}.{queue.name}"]) for kind in ("done", "failed"))
    if queue.paused:
        status, word = Status.DEGRADED, "paused"
    elif (queue.oldest_wait_s or 0.0) > SLOW_S:
        status, word = Status.DEGRADED, "slow"
    else:
        status, word = Status.HEALTHY, "moving" if queue.waiting or queue.running else "idle"
    number = f"{queue.waiting:,} waiting" if queue.waiting else "Nothing waits"
    return Face(status, word, number, sentence(queue, done, failed), series(points, f"waiting.{queue.name}").values)


def sentence(queue: QueueDepth, done: float | None, failed: float | None) -> str:
    """`oldest 4 s, 6 running, 2 delayed; 1,042 done and 3 failed in the last hour`."""
    now = []
    if queue.waiting:
        now.append("age unknown" if queue.oldest_wait_s is None else f"oldest {duration(queue.oldest_wait_s)}")
    now += [f"{number:,} {word}" for number, word in ((queue.running, "running"), (queue.delayed, "delayed")) if number]
    parts = [", ".join(now) or "nothing runs"]
    if done is not None and failed is not None:
        parts.append(f"{done:,.0f} done and {failed:,.0f} failed in the last hour")
    elif queue.done or queue.failed:
        parts.append(f"{counted(queue.done, 'job')} done and {queue.failed:,} failed so far")
    return "; ".join(filter(None, parts))


def unknown(name: str, readings: Readings) -> Face:
    """Nothing is known of the present; the past still is."""
    since = readings.queues.failing_since
    when = f" Unknown since {since.astimezone():%H:%M:%S}." if since else ""
    line = series(readings.history.value or (), f"waiting.{name}").values
    return Face(Status.UNKNOWN, "unknown", "–", readings.queues.problem("Redis") + when, line)

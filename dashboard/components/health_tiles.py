"""The six checks of health as tiles."""

from core.health import Health, Status
from core.history import series
from core.phrases import duration, milliseconds, size
from core.readings import Readings
from core.snapshot import Snapshot
from dashboard.components.html import box
from dashboard.components.tile import Face, Tile

TITLES = {
    "database": "Postgres",
    "redis": "Redis",
    "queue": "Queue",
    "workers": "Workers",
    "scheduler": "Scheduler",
    "migrations": "Schema",
}


class HealthTiles:
    def __init__(self) -> None:
        with box(classes="grid g6").props("id=health"):
            self._tiles = {name: Tile(title) for name, title in TITLES.items()}

    def show(self, snapshot: Snapshot) -> None:
        for name, tile in self._tiles.items():
            tile.show(face(name, snapshot.health, snapshot.readings))


def face(name: str, health: Health, readings: Readings) -> Face:
    """What the tile of one check shows."""
    check = health.check(name)
    if check.status is Status.UNKNOWN or (name in {"database", "redis"} and check.status is Status.UNHEALTHY):
        return Face(check.status, "unknown" if check.status is Status.UNKNOWN else "down", "–", check.detail)
    number, sentence, word = _say(name, readings)
    if check.status is not Status.HEALTHY:
        word, sentence = {"queue": "slow", "migrations": "pending"}.get(name, check.status.value), check.detail
    return Face(check.status, word, number, sentence, _line(name, readings))


def _say(name: str, readings: Readings) -> tuple[str, str, str]:
    """Number, sentence and the word when all is well, of one check."""
    match name:
        case "database":
            facts = readings.database.value
            return (
                milliseconds(readings.database.latency_ms),
                f"{facts.version} · pgvector {facts.pgvector}" if facts else "",
                "up",
            )
        case "redis":
            redis = readings.redis.value
            used = (
                f"{size(redis.used_memory)} of {size(redis.maxmemory)}" if redis and redis.maxmemory else "no limit set"
            )
            return milliseconds(readings.redis.latency_ms), used, "up"
        case "queue":
            oldest = max((q.oldest_wait_s or 0.0 for q in readings.queues.value or ()), default=0.0)
            waiting = sum(q.waiting for q in readings.queues.value or ())
            return (duration(oldest), "oldest waiting job", "moving") if waiting else ("Empty", "nothing waits", "idle")
        case "workers":
            beats = readings.workers.value or ()
            return f"{sum(b.busy for b in beats)} / {sum(b.slots for b in beats)}", "slots busy", f"{len(beats)} up"
        case "scheduler":
            beat = readings.scheduler.value
            return (duration(beat.seen_s_ago) if beat else "–"), "since last tick", "up"
        case _:
            schema = readings.migrations.value
            return (schema.current or "none") if schema else "–", "revision of the schema", "current"


def _line(name: str, readings: Readings) -> tuple[float | None, ...]:
    points = readings.history.value or ()
    match name:
        case "database" | "redis":
            return series(points, f"latency_ms.{name}").values
        case "queue":
            return tuple(
                max((v for k, v in p.values.items() if k.startswith("oldest_s.")), default=None) for p in points
            )
        case "workers":
            return series(points, "busy").values
        case _:
            return ()

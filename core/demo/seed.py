"""What the demo starts with: feeds, articles, an index, an hour of history, jobs that failed: no page is empty."""

import datetime as dt
import math
import random

from core.db import Database
from core.demo.failures import failures
from core.demo.feed_server import addresses
from core.demo.library import stock
from core.queries import failed_jobs, feeds, samples

TICK = dt.timedelta(seconds=15)
# Ticks in which the invented work comes to rest.
CALM = 24
HOUR = dt.timedelta(hours=1)
# Seconds between crawls: short, so that something happens while one looks.
INTERVAL_S = 60


async def seed(database: Database, port: int, now: dt.datetime) -> None:
    """Adds the feeds of the demo server on `port`, and history up to `now`; a second call adds nothing twice."""
    async with database.session() as session:
        for url in addresses(port):
            await feeds.add(session, url, interval_s=INTERVAL_S)
        if await samples.since(session, now - HOUR, limit=1):
            return
        for at, values in _history(now):
            await samples.store(session, at, values)
        for failure in failures(now):
            await failed_jobs.record(session, failure)
    await stock(database, port, now)


def _history(now: dt.datetime) -> list[tuple[dt.datetime, dict[str, float]]]:
    """An ordinary hour: work comes, goes, and comes to rest."""
    dice = random.Random(7)  # noqa: S311 - not for secrets
    steps = int(HOUR / TICK)
    totals = {f"{kind}.{queue}": 0.0 for kind in ("done", "failed") for queue in ("crawl", "embed", "summarise", "ops")}
    rows = []
    for step in range(steps):
        values: dict[str, float] = {"waiting.ops": 0, "running.ops": 0, "delayed.ops": 0, "oldest_s.ops": 0}
        for queue, usual in (("crawl", 14), ("embed", 32), ("summarise", 24)):
            # It comes to rest before now: what follows is what really happens.
            rest = min(1.0, (steps - 1 - step) / CALM)
            waiting = max(0, round(rest * (usual * (1 + 0.6 * math.sin(step / 25 + usual)) + dice.gauss(0, 3))))
            values |= {
                f"waiting.{queue}": waiting,
                f"running.{queue}": min(4, waiting),
                f"delayed.{queue}": dice.choice((0, 0, 0, 1)),
                f"oldest_s.{queue}": waiting * 0.2,
            }
            totals[f"done.{queue}"] += round(rest * dice.randint(8, 16))
        values |= totals | {
            "workers": 2,
            "slots": 20,
            "busy": round(min(1.0, (steps - 1 - step) / CALM) * dice.randint(6, 14)),
        }
        values |= {"latency_ms.database": 1 + dice.random(), "latency_ms.redis": 0.3 + dice.random() / 5}
        rows.append((now - TICK * (steps - step), values))
    # The counters of the live system start at zero: history counts up to that, so that they go on from it.
    return [(at, {name: v - totals.get(name, 0) for name, v in values.items()}) for at, values in rows]

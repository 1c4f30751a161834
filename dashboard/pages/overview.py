"""Is it healthy, what needs me, how deep are the queues: one page, five seconds."""

import datetime as dt

from core.attention import Attention
from core.health import Status
from core.history import every, per_minute, series, total
from core.phrases import counted, duration, in_words, listed
from core.queues import QUEUES
from core.readings import Readings
from core.snapshot import Snapshot
from dashboard import design, shell
from dashboard.components.attention_list import AttentionList, OneClick
from dashboard.components.chart import Chart
from dashboard.components.failed_verbs import retrying
from dashboard.components.health_tiles import HealthTiles
from dashboard.components.html import Text, box, link
from dashboard.components.index_card import IndexCard
from dashboard.components.operation_verbs import approving
from dashboard.components.queue_table import QueueTable


def remedy(item: Attention) -> OneClick | None:
    """What can be done about it on the spot."""
    return retrying(item) or approving(item)


MINUTE = dt.timedelta(minutes=1)
NO_SAMPLES = "No history yet: the scheduler takes a sample every 15 seconds, and two make a line."


async def overview() -> None:
    with shell.frame("/", "Overview", "Reading…") as frame:
        tiles = HealthTiles()
        attention = AttentionList(remedy)
        with box(classes="grid g2"):
            waiting = Chart("Waiting jobs", {q: design.SERIES[q] for q in QUEUES}, NO_SAMPLES)
            finished = Chart("Finished per minute", {"done": design.DONE, "failed": design.FAILED}, NO_SAMPLES)
        with box(classes="grid g31"):
            with box("section", "card"):
                with box(classes="head"):
                    Text("h2", "Queues")
                    link("All about the queues", "/queues")
                queues = QueueTable()
            index = IndexCard()

    def show(snapshot: Snapshot) -> None:
        readings = snapshot.readings
        frame.heading.say(headline(snapshot))
        frame.lede.say(lede(readings))
        tiles.show(snapshot)
        attention.show(snapshot.attention)
        points = readings.history.value or ()
        waiting.show({q: series(points, f"waiting.{q}") for q in QUEUES})
        minutes = every(points, MINUTE)
        finished.show({k: per_minute(minutes, [f"{k}.{q}" for q in QUEUES]) for k in ("done", "failed")})
        queues.show(readings.queues, points)
        index.show(readings)

    frame.follow(show)


def headline(snapshot: Snapshot) -> str:
    """`Healthy: nothing needs you`, `Healthy, but a thing needs you`, `Degraded: two things need you`."""
    number = len(snapshot.attention)
    needs = "nothing needs you" if not number else f"{in_words(number)} thing{'s need' if number > 1 else ' needs'} you"
    but = ", but" if number and snapshot.health.status is Status.HEALTHY else ":"
    return f"{shell.WORD[snapshot.health.status]}{but} {needs}"


def lede(readings: Readings) -> str:
    """What goes on, in a line; what is not known is left out, and said if it is a server."""
    silent = [
        title for reading, title in ((readings.database, "Postgres"), (readings.redis, "Redis")) if not reading.ok
    ]
    if silent:
        since = min(r.failing_since for r in (readings.database, readings.redis) if r.failing_since)
        return f"What {listed(silent)} would tell is unknown since {since.astimezone():%H:%M:%S}."
    feeds = readings.feeds.value
    if feeds is not None and feeds.total == 0:
        return "There is no feed yet. Add one on the page Feeds, and articles appear here within seconds."
    parts = []
    points = readings.history.value or ()
    done = total(points, [f"done.{q}" for q in QUEUES])
    if done is not None:
        span = (points[-1].at - points[0].at).total_seconds()
        parts.append(f"{counted(round(done), 'job')} finished in the last {'hour' if span > 3300 else duration(span)}")
    newest = readings.newest_article.value
    if newest is not None:
        age = max(0.0, (readings.database.tried_at - newest).total_seconds())
        parts.append(f"the newest article came {duration(age)} ago")
    return "; ".join(parts) + "." if parts else "Everything that is watched answers."

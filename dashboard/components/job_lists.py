"""Some of the jobs that wait and that are delayed: enough to see what kind of work it is."""

import datetime as dt
from collections.abc import Callable, Sequence

from core.queues.listing import JobSample, ListedJob
from dashboard.components.html import Text, age, box, until
from dashboard.components.running_jobs import job_name
from dashboard.context import SAMPLED


class JobLists:
    """`show` draws anew only what has changed."""

    def __init__(self) -> None:
        with box(classes="grid g2"):
            self._waiting = _List("Waiting next", "Waited", age, "Nothing waits.")
            self._delayed = _List("Delayed", "Due", until, "Nothing waits for another attempt.")

    def show(self, samples: Sequence[JobSample]) -> bool:
        self._waiting.show([job for sample in samples for job in sample.waiting])
        self._delayed.show([job for sample in samples for job in sample.delayed])
        return True


class _List:
    def __init__(self, title: str, when: str, tick: Callable[[dt.datetime], Text], nothing: str) -> None:
        self._title, self._when, self._tick, self._nothing = title, when, tick, nothing
        with box("section", "card") as card:
            card.props["aria-label"] = title
            with box(classes="head"):
                Text("h2", title)
                Text("span", f"a sample, up to {SAMPLED} of each queue", "under")
            self._body = box()
        self._shown: Sequence[str] | None = None

    def show(self, jobs: Sequence[ListedJob]) -> None:
        ids = [job.task_id for job in jobs]
        if ids == self._shown:
            return
        self._shown = ids
        self._body.clear()
        with self._body:
            if jobs:
                self._table(jobs)
            else:
                Text("p", self._nothing, "empty")

    def _table(self, jobs: Sequence[ListedJob]) -> None:
        with box("table", "plain"):
            Text("caption", self._title, "visually-hidden")
            with box("thead"), box("tr"):
                for name in ("Job", "Queue", self._when):
                    Text("th", name, "r" if name == self._when else "").props("scope=col")
            with box("tbody"):
                for job in jobs:
                    with box("tr"):
                        with box("td", "job"):
                            job_name(job.task or "(unreadable)", job.args)
                        Text("td", job.queue)
                        with box("td", "r"):
                            self._tick(job.at)

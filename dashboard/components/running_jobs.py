"""What workers have in their hands right now."""

from collections.abc import Sequence

from core.phrases import counted
from core.queues import RunningJob, WorkerBeat
from core.reading import Reading
from dashboard.components.html import Text, age, box, link
from dashboard.urls import url

COLUMNS = ("Job", "Queue", "Worker", "Running for", "Attempt")
# A fleet runs hundreds at once; those that run longest are the ones to look at.
MOST = 20


class RunningJobs:
    """Redrawn only when other jobs run than before."""

    def __init__(self) -> None:
        with box("section", "card").style("margin-bottom:14px") as card:
            card.props["aria-labelledby"] = "running"
            with box(classes="head"):
                Text("h2", "Running now").props("id=running")
                self._count = Text("span", "", "mute")
            self._body = box()
        self._shown: object = None

    def show(self, workers: Reading[Sequence[WorkerBeat]]) -> None:
        if not workers.ok or workers.value is None:
            self._draw(workers.problem("Redis"), ())
            self._count.say("")
            return
        jobs = [(job, worker.name) for worker in workers.value for job in worker.jobs]
        jobs.sort(key=lambda found: found[0].started_at)
        self._count.say(f"{counted(len(jobs), 'job')} on {counted(len(workers.value), 'worker')}")
        self._draw(_sentence(len(workers.value), len(jobs)), jobs[:MOST])

    def _draw(self, sentence: str, jobs: Sequence[tuple[RunningJob, str]]) -> None:
        shown = (sentence, tuple((job.task_id, job.attempt, worker) for job, worker in jobs))
        if shown == self._shown:
            return
        self._shown = shown
        self._body.clear()
        with self._body:
            if jobs:
                _table(jobs)
            if sentence:
                Text("p", sentence, "empty")


def _sentence(workers: int, jobs: int) -> str:
    if not workers:
        return "No worker is alive: start one with “signalist worker”."
    if not jobs:
        return "Nothing runs right now."
    return f"These {MOST} have run longest; {jobs - MOST:,} more are not listed." if jobs > MOST else ""


def _table(jobs: Sequence[tuple[RunningJob, str]]) -> None:
    with box("table", "plain stack").mark("running"):
        Text("caption", "Running now", "visually-hidden")
        with box("thead"), box("tr"):
            for name in COLUMNS:
                Text("th", name).props("scope=col")
        with box("tbody"):
            for job, worker in jobs:
                with box("tr"):
                    with box("td", "job"):
                        job_name(job.task, job.args)
                    Text("td", job.queue).props("data-label=queue")
                    Text("td", worker, "wrap-any").props("data-label=worker")
                    with box("td", "soft-wide").props("data-label=for"):
                        age(job.started_at)
                    Text("td", f"{job.attempt}").props("data-label=attempt")


def job_name(task: str, args: Sequence[object]) -> None:
    """The task, and what it works on as a link where that is a page."""
    subject = str(args[0]) if args else ""
    Text("b", task)
    match task:
        case "crawl_feed":
            link(f"feed {subject[:8]}…", url("/articles", feed=subject), "under")
        case "generate_embeddings" | "generate_summary":
            link(f"article {subject[:8]}…", f"/articles/{subject}", "under")
        case _:
            Text("span", subject[:80], "under")

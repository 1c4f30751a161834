"""Jobs by what has become of them: running, waiting, delayed, finished."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from core.access import Action
from core.cancelling import cancel_job
from core.phrases import counted, milliseconds
from core.queues.listing import SAMPLED, FinishedJob, ListedJob, percentiles
from dashboard import acting
from dashboard.components.html import Text, age, box, button, until
from dashboard.components.running_jobs import job_name
from dashboard.context import QueueJobs
from dashboard.notices import notice

# Of what ended, the newest of all queues.
FINISHED = 50
CANCELLED = {
    "removed": "It is removed: it will not run.",
    "requested": "Its worker has been asked to stop it, and does so within a second.",
    "gone": "It had ended already.",
}
OUTCOME = {"done": ("● done", "ok"), "failed": ("✕ failed", "bad"), "cancelled": ("‖ cancelled", "mute")}


class JobTables:
    """Each table is drawn anew only when other jobs are in it than before; `changed` reads them again."""

    def __init__(self, changed: Callable[[], Awaitable[None]]) -> None:
        self._changed = changed
        self._tables: dict[str, _Table] = {}

    def draw(self, found: Sequence[QueueJobs]) -> None:
        self._tables = {
            "running": _Table("Running now", "Nothing runs right now."),
            "waiting": _Table("Waiting", "Nothing waits."),
            "delayed": _Table("Delayed", "Nothing waits for another attempt."),
            "finished": _Table("Finished lately", "Nothing has finished yet."),
        }
        self.update(found)

    def update(self, found: Sequence[QueueJobs]) -> bool:
        for kind, row in (("running", self._running), ("waiting", self._waiting), ("delayed", self._delayed)):
            jobs = sorted((job for queue in found for job in getattr(queue.now, kind)), key=lambda job: job.at)
            self._tables[kind].show(jobs, partial(_listed, row=row), _sampled(kind, jobs, found))
        ended = sorted((job for queue in found for job in queue.finished), key=lambda job: job.ended_at, reverse=True)
        self._tables["finished"].show(ended[:FINISHED], _finished, _pace(ended))
        return True

    def _running(self, job: ListedJob) -> None:
        Text("td", job.worker or "", "wrap-any").props("data-label=worker")
        with box("td", "soft-wide").props("data-label=for"):
            age(job.at)
        self._cancel(job)

    def _waiting(self, job: ListedJob) -> None:
        with box("td", "soft-wide").props("data-label=waited"):
            age(job.at)
        self._cancel(job)

    def _delayed(self, job: ListedJob) -> None:
        with box("td", "soft-wide"):
            until(job.at)
        self._cancel(job)

    def _cancel(self, job: ListedJob) -> None:
        if job.task_id and acting.allowed(Action.CANCEL_JOB):
            with box("td", "r acts"):
                name = f"Cancel {job.task} {' '.join(map(str, job.args))[:60]}"
                button("Cancel", partial(self._stop, job), "small").props["aria-label"] = name

    async def _stop(self, job: ListedJob) -> None:
        outcome = await cancel_job(*await acting.queueing_to(), queue=job.queue, task_id=job.task_id)
        notice(CANCELLED[outcome], "warning" if outcome == "gone" else "positive")
        await self._changed()


class _Table:
    def __init__(self, title: str, nothing: str) -> None:
        self._title, self._nothing = title, nothing
        with box("section", "card").style("margin-bottom:14px") as card:
            card.props["aria-label"] = title
            with box(classes="head"):
                Text("h2", title)
                self._note = Text("span", "", "mute")
            self._body = box()
        self._shown: object = None

    def show(self, jobs: Sequence[ListedJob] | Sequence[FinishedJob], draw: Callable[..., None], note: str) -> None:
        self._note.say(note)
        ids = [(job.task_id, job.queue) for job in jobs]
        if ids == self._shown:
            return
        self._shown = ids
        self._body.clear()
        with self._body:
            if not jobs:
                Text("p", self._nothing, "empty")
                return
            with box("table", "plain stack"):
                Text("caption", self._title, "visually-hidden")
                with box("tbody"):
                    for job in jobs:
                        with box("tr"):
                            draw(job)


def _listed(job: ListedJob, *, row: Callable[[ListedJob], None]) -> None:
    with box("td", "job"):
        job_name(job.task or "(unreadable)", job.args)
    Text("td", job.queue).props("data-label=queue")
    row(job)


def _finished(job: FinishedJob) -> None:
    with box("td", "job"):
        job_name(job.task, job.args)
        if job.said:
            with box("details"):
                Text("summary", "Log").props["aria-label"] = f"Log of {job.task} {job.task_id}"
                Text("pre", job.said).props("tabindex=0")
    Text("td", job.queue).props("data-label=queue")
    word, tone = OUTCOME.get(job.outcome, (job.outcome, ""))
    Text("td", word, tone)
    Text("td", f"ran {_brief(job.ran_s)}", "soft-wide")
    Text("td", f"waited {_brief(job.waited_s)}", "soft-wide secondary")
    Text("td", f"attempt {job.attempt}" if job.attempt > 1 else "", "soft-wide secondary")
    with box("td", "r soft-wide"):
        age(job.ended_at, suffix=" ago")


def _sampled(kind: str, jobs: Sequence[ListedJob], found: Sequence[QueueJobs]) -> str:
    """Said where the sample may not be all of them."""
    if any(len(getattr(queue.now, kind)) >= SAMPLED for queue in found):
        return f"a sample: the first {SAMPLED} of each queue"
    return counted(len(jobs), "job") if jobs else ""


def _pace(ended: Sequence[FinishedJob]) -> str:
    """`of the last 400, half ran at most 46 ms and waited at most 4 ms, 95 % 3 s and 2 s`."""
    ran, waited = percentiles([job.ran_s for job in ended]), percentiles([job.waited_s for job in ended])
    if ran is None or waited is None:
        return ""
    return (
        f"of the last {ran.count:,}, half ran at most {_brief(ran.p50)} and waited at most {_brief(waited.p50)}, "
        f"95 % {_brief(ran.p95)} and {_brief(waited.p95)}"
    )


def _brief(seconds: float) -> str:
    return milliseconds(seconds * 1000)

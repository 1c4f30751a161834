"""What gave up, why, and what is to become of it."""

from core.queries.failed_summary import FailedSummary
from core.snapshot import Snapshot
from dashboard import shell
from dashboard.components.failed_address import PATH, FailedAddress
from dashboard.components.failed_desk import FailedDesk
from dashboard.phrasing import known

LEDE = "They stay here until someone retries or discards them. Nothing is deleted on its own."


async def failed(
    *,
    q: str = "",
    task: str = "",
    queue: str = "",
    cause: str = "",
    within: str = "",
    state: str = "",
    action: str = "",
    after: str = "",
    job: str = "",
) -> None:
    asked = FailedAddress.read(
        text=q, task=task, queue=queue, cause=cause, within=within, state=state, action=action, after=after, job=job
    )
    with shell.frame(PATH, "Failed jobs", LEDE) as frame:
        desk = FailedDesk(asked, frame)

    def show(snapshot: Snapshot) -> None:
        summary = snapshot.readings.failed
        frame.heading.say(headline(summary.value) if summary.value else "Failed jobs")
        frame.lede.say(LEDE if summary.ok else f"{summary.problem('Postgres')} {known(summary)}".strip())

    frame.follow(show)
    await desk.open()


def headline(summary: FailedSummary) -> str:
    """`41 failed jobs, 3 causes`."""
    if not summary.open.value:
        return "No failed jobs"
    return f"{summary.open.of('failed job')}, {summary.causes.of('cause')}"

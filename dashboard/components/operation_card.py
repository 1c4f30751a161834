"""One operation: its title and state, the five steps, the plan, what can be done."""

from collections.abc import Callable

from core.operations.states import State
from core.queries.operations import OperationRow
from dashboard.components.html import Text, box, link, prose
from dashboard.components.operation_plan import operation_plan, operation_statements
from dashboard.components.operation_steps import operation_steps
from dashboard.components.operation_verbs import OperationVerbs
from dashboard.context import context

WORD = {
    State.PROPOSED: "waits for approval",
    State.APPROVED: "approved",
    State.RUNNING: "running",
    State.VERIFYING: "verifying",
    State.PAUSED: "‖ paused",
    State.ROLLING_BACK: "rolling back",
    State.DONE: "● done",
    State.ROLLED_BACK: "▲ rolled back",
    State.FAILED: "✕ failed",
    State.CANCELLED: "cancelled",
    State.EXPIRED: "expired",
    State.WITHDRAWN: "withdrawn",
}
TONE = {
    State.PROPOSED: "run",
    State.APPROVED: "run",
    State.RUNNING: "run",
    State.VERIFYING: "run",
    State.PAUSED: "warn",
    State.ROLLING_BACK: "warn",
    State.DONE: "ok",
    State.ROLLED_BACK: "warn",
    State.FAILED: "bad",
}


def state_words(row: OperationRow) -> str:
    if row.waits_for_second:
        return "waits for a second approval"
    return "expired" if row.expired else WORD[row.state]


def state_pill(row: OperationRow) -> Text:
    return Text("span", state_words(row), f"pill {TONE.get(row.state, '')}")


def operation_card(
    row: OperationRow, verbs: OperationVerbs, beside: Callable[[], None] | None = None, *, linked: bool = True
) -> None:
    """Draws the card, here; `beside` draws what stands to the right of the plan."""
    with box("section", "card").style("margin-bottom:14px") as card:
        card.props["aria-label"] = row.title
        with box(classes="head"):
            if linked:
                with box("h2"):
                    link(row.title, f"/operations/{row.id}", "lede")
            else:
                Text("h2", "The operation")
            state_pill(row)
        operation_steps(row)
        if row.outcome and linked:
            Text("p", row.outcome, "outcome")
        if linked and beside is None and row.state is State.PROPOSED:
            Text("p", row.plan.summary, "outcome")
        if row.state is State.APPROVED:
            Text("p", _taker(), "outcome")
        progress_bar(row)
        if beside is None:
            operation_plan(row.plan)
        else:
            with box(classes="grid g2").style("margin:0"):
                with box():
                    operation_plan(row.plan)
                with box():
                    beside()
        operation_statements(row.plan)
        verbs.draw(row)


def _taker() -> str:
    """Who will run what was approved."""
    snapshot = context().poller.latest
    if snapshot is not None and snapshot.readings.workers.ok and not snapshot.readings.workers.value:
        return "No worker is alive, so it waits: `signalist worker` starts one, which takes it up at once."
    return "A worker takes it up."


def progress_bar(row: OperationRow) -> None:
    """How far the present step is, where that is known."""
    if row.state not in {State.RUNNING, State.VERIFYING, State.ROLLING_BACK, State.PAUSED} or row.step is None:
        return
    share = row.progress
    with box(classes="going"):
        said = f"{row.step}: {row.note}" if row.note else row.step
        Text("span", said + (f", {share:.0%} of the step".replace("%", " %") if share is not None else ""))
        bar = box(classes="meter").props("role=progressbar aria-valuemin=0 aria-valuemax=100")
        bar.props["aria-label"] = said
        if share is not None:
            bar.props["aria-valuenow"] = round(share * 100)
        with bar:
            box("i").style(f"width:{100 * (share or 0):.0f}%")
    if row.held_up:
        with box(classes="banner warn"):
            Text("b", "▲ Held up. ")
            prose("span", row.held_up)

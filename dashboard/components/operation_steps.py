"""The five steps of an operation: what is done, what is under way, what comes."""

import datetime as dt

from core.operations.states import State
from core.phrases import duration
from core.queries.operations import OperationRow
from dashboard.components.html import Text, box
from dashboard.phrasing import clock

NAMES = ("Explore", "Plan", "Approve", "Run", "Verify")
# Which of them is under way in each state; the last two say where it stopped.
_AT = {
    State.PROPOSED: 2,
    State.APPROVED: 3,
    State.RUNNING: 3,
    State.PAUSED: 3,
    State.VERIFYING: 4,
    State.DONE: 5,
}


def operation_steps(row: OperationRow) -> None:
    """Draws them, here."""
    at = _stage(row)
    stopped = row.state in {State.ROLLED_BACK, State.FAILED, State.CANCELLED, State.EXPIRED, State.WITHDRAWN}
    stopped = stopped or row.state is State.ROLLING_BACK
    words = (
        f"{clock(row.planned_at)}, {duration(row.explored_s)}",
        _planned(row),
        _approved(row),
        _run(row),
        _verified(row),
    )
    with box("ol", "steps").props('aria-label="Steps of the operation"'):
        for number, (name, said) in enumerate(zip(NAMES, words, strict=True)):
            done, now = number < at, number == at
            tone = "d" if done else ("x" if stopped else "c") if now else ""
            with box("li", tone) as item:
                if now and not stopped:
                    item.props["aria-current"] = "step"
                mark = "✓ " if done else "✕ " if now and stopped else ""
                Text("div", f"{mark}{name}")
                Text("span", said)


def _stage(row: OperationRow) -> int:
    if row.state in _AT:
        return _AT[row.state]
    if row.started_at is None:
        return 2 if row.approved_by is None else 3
    proof_begun = row.result.get("after") is not None or any(
        s.name in {"Prove", "Verify", "Confirm"} for s in row.steps
    )
    return 4 if proof_begun else 3


def _planned(row: OperationRow) -> str:
    if row.state is State.PROPOSED:
        return "has expired" if row.expired else f"expires {clock(row.expires_at)}"
    return f"by {row.proposed_by}"


def _approved(row: OperationRow) -> str:
    if row.approved_by is None:
        return "an admin" if row.plan.loses else "an operator"
    if row.waits_for_second:
        return f"by {row.approved_by}; one more"
    return f"by {row.approved_by}" + (f" and {row.second_by}" if row.second_by else "")


def _run(row: OperationRow) -> str:
    if row.started_at is None:
        return row.plan.duration.partition(";")[0]
    until = row.ended_at or dt.datetime.now(dt.UTC)
    took = duration(max((until - row.started_at).total_seconds(), 0))
    match row.state:
        case State.APPROVED:
            return "a worker takes it up"
        case State.PAUSED:
            return row.note or "paused"
        case State.RUNNING | State.VERIFYING | State.ROLLING_BACK:
            return f"since {clock(row.started_at)}"
        case _:
            return f"took {took}"


def _verified(row: OperationRow) -> str:
    after = row.result.get("after")
    if isinstance(after, dict) and "recall" in after:
        return f"recall@10 {after['recall']:.2f}"
    return {State.DONE: "passed", State.VERIFYING: "measuring"}.get(row.state, row.plan.verify.partition(",")[0])

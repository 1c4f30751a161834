"""The states of an operation, and the ways between them. Pure; the database enforces the same table with a trigger."""

from enum import StrEnum


class State(StrEnum):
    """Where an operation stands. A plan begins as `proposed`, whoever made it."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    RUNNING = "running"
    VERIFYING = "verifying"
    PAUSED = "paused"
    ROLLING_BACK = "rolling back"

    # It did what the plan says, and the check passed.
    DONE = "done"
    # It failed and left nothing behind.
    ROLLED_BACK = "rolled back"
    # It failed, and its row says what it left behind, or what stays of it.
    FAILED = "failed"
    # A person stopped it, before or while it ran; its row says what stays, if anything does.
    CANCELLED = "cancelled"
    # Nobody approved it in time.
    EXPIRED = "expired"
    # What it was planned for has changed or gone.
    WITHDRAWN = "withdrawn"


NEXT: dict[State, frozenset[State]] = {
    State.PROPOSED: frozenset({State.APPROVED, State.CANCELLED, State.EXPIRED, State.WITHDRAWN}),
    State.APPROVED: frozenset({State.RUNNING, State.CANCELLED, State.WITHDRAWN}),
    State.RUNNING: frozenset({State.VERIFYING, State.PAUSED, State.ROLLING_BACK}),
    State.VERIFYING: frozenset({State.DONE, State.ROLLING_BACK, State.FAILED}),
    State.PAUSED: frozenset({State.APPROVED, State.CANCELLED}),
    State.ROLLING_BACK: frozenset({State.ROLLED_BACK, State.CANCELLED, State.FAILED}),
    State.DONE: frozenset(),
    State.ROLLED_BACK: frozenset(),
    State.FAILED: frozenset(),
    State.CANCELLED: frozenset(),
    State.EXPIRED: frozenset(),
    State.WITHDRAWN: frozenset(),
}

# Approved and not at its end: nothing that conflicts with it may be approved.
ACTIVE = frozenset({State.APPROVED, State.RUNNING, State.VERIFYING, State.PAUSED, State.ROLLING_BACK})
# In the hands of a worker, which renews its lease.
HELD = frozenset({State.RUNNING, State.VERIFYING, State.ROLLING_BACK})
ENDED = frozenset(state for state, ways in NEXT.items() if not ways)


def allowed(before: State, after: State) -> bool:
    """Whether an operation may go from one to the other; staying is always allowed."""
    return before == after or after in NEXT[before]

"""What waits for an approval, what runs, and what became of everything before."""

from dataclasses import dataclass

from core.operations.kinds import KINDS
from core.operations.states import ACTIVE, ENDED, State
from core.phrases import counted
from core.queries import operations as queries
from core.queries.operations import PAGE, OperationCursor, OperationPage, OperationRow
from core.snapshot import Snapshot
from dashboard import shell, urls
from dashboard.components.forms import chip
from dashboard.components.html import Text, box, link
from dashboard.components.operation_list import operation_list
from dashboard.components.part import Part
from dashboard.context import context

PATH = "/operations"
LEDE = "What changes infrastructure is planned, approved by a person, run by a worker, and proven."


@dataclass(frozen=True)
class _Shown:
    waiting: tuple[OperationRow, ...]
    running: tuple[OperationRow, ...]
    history: OperationPage


async def operations(*, kind: str = "", state: str = "", after: str = "") -> None:
    kind = kind if kind in KINDS else ""
    state = state if state in {each.value for each in ENDED} else ""
    with shell.frame(PATH, "Operations", LEDE) as frame:

        async def read() -> _Shown:
            async with context().database.session() as session:
                return _Shown(
                    await queries.proposed(session),
                    await queries.active(session),
                    await queries.page(
                        session,
                        kind=kind,
                        states=[State(state)] if state else ENDED,
                        after=urls.place(after, OperationCursor),
                    ),
                )

        part = Part(frame, read, lambda shown: _draw(shown, kind, state))
        part.follow(frame, _sign)

    def show(snapshot: Snapshot) -> None:
        found = snapshot.readings.operations
        if found.ok and found.value is not None:
            frame.heading.say(headline(found.value))

    frame.follow(show)
    await part.open()


def headline(rows: object) -> str:
    """`Operations: one waits for approval, one runs`."""
    assert isinstance(rows, list | tuple)  # noqa: S101 - what the snapshot holds
    waiting = sum(row.state is State.PROPOSED for row in rows)
    running = sum(row.state in ACTIVE for row in rows)
    parts = [
        f"{waiting} {'waits' if waiting == 1 else 'wait'} for approval" if waiting else "",
        f"{running} {'is' if running == 1 else 'are'} under way" if running else "",
    ]
    said = ", ".join(filter(None, parts))
    return f"Operations: {said}" if said else "No operation waits or runs"


def _sign(snapshot: Snapshot) -> object:
    rows = snapshot.readings.operations.value or ()
    return tuple((row.id, row.state, row.step, row.note, row.plan_hash) for row in rows)


def _draw(shown: _Shown, kind: str, state: str) -> None:
    with box("section", "card").style("margin-bottom:14px"):
        with box(classes="head"):
            Text("h2", "Waiting for approval")
        operation_list(shown.waiting, "Nothing. What the system finds, or a person plans, waits here for a yes.")
    with box("section", "card").style("margin-bottom:14px"):
        with box(classes="head"):
            Text("h2", "Under way")
        operation_list(shown.running, "Nothing runs.")
    with box("section", "card"):
        with box(classes="head"):
            Text("h2", "History")
        with box(classes="chips"):
            chip("All kinds", urls.url(PATH, state=state), on=not kind)
            for name in KINDS:
                chip(name, urls.url(PATH, kind=name, state=state), on=kind == name)
        with box(classes="chips"):
            chip("Any end", urls.url(PATH, kind=kind), on=not state)
            for each in (State.DONE, State.ROLLED_BACK, State.FAILED, State.CANCELLED, State.EXPIRED, State.WITHDRAWN):
                chip(each.value, urls.url(PATH, kind=kind, state=each.value), on=state == each.value)
        operation_list(shown.history.rows, "Nothing with these filters." if kind or state else "Nothing has ended yet.")
        if shown.history.next:
            more = urls.cursor(shown.history.next)
            link(f"The next {counted(PAGE, 'operation')}", urls.url(PATH, kind=kind, state=state, after=more), "btn")

"""The scheduler's duties, one a row."""

from collections.abc import Awaitable, Callable, Sequence

from core.access import Action
from core.phrases import duration, milliseconds
from core.queues.duties import DutyState
from core.schedules import run_duty, switch_duty
from dashboard import acting
from dashboard.components.html import Text, age, box, button, set_age, set_until, until
from dashboard.notices import notice

COLUMNS = ("Duty", "Every", "State", "Last done", "Took", "Next")


class DutyTable:
    """Drawn once: the duties are always the same. `changed` reads them again."""

    def __init__(self, changed: Callable[[], Awaitable[None]]) -> None:
        self._changed = changed
        self._rows: dict[str, _Row] = {}
        with box("section", "card").style("margin-bottom:14px") as card:
            card.props["aria-labelledby"] = "duties"
            with box(classes="head"):
                Text("h2", "Duties of the scheduler").props("id=duties")
            with box("table", "plain stack").mark("duties"):
                Text("caption", "Duties of the scheduler", "visually-hidden")
                with box("thead"), box("tr"):
                    for name in COLUMNS:
                        Text("th", name).props("scope=col")
                    if acting.allowed(Action.EDIT_SCHEDULES):
                        with box("th").props("scope=col"):
                            Text("span", "Actions", "visually-hidden")
                self._body = box("tbody")

    def show(self, states: Sequence[DutyState]) -> None:
        with self._body:
            for state in states:
                row = self._rows.get(state.duty.name)
                if row is None:
                    row = self._rows[state.duty.name] = _Row(state, self._changed)
                row.show(state)


class _Row:
    def __init__(self, state: DutyState, changed: Callable[[], Awaitable[None]]) -> None:
        self._duty, self._changed, self._is_on = state.duty, changed, state.is_on
        self._switch: Text | None = None
        with box("tr"):
            with box("td", "wrap"):
                Text("span", self._duty.title)
                self._problem = Text("div", "", "under bad")
            Text("td", duration(self._duty.every_s), "soft-wide").props("data-label=every")
            self._state = Text("td")
            with box("td", "soft-wide").props("data-label=last"):
                self._last = age(None, suffix=" ago", unknown="not yet")
            self._took = Text("td", "", "soft-wide").props("data-label=took")
            with box("td", "soft-wide").props("data-label=next"):
                self._next = until(None)
            if acting.allowed(Action.EDIT_SCHEDULES):
                self._actions()

    def _actions(self) -> None:
        with box("td", "r acts"):
            button("Run now", self._run, "small").props["aria-label"] = f"Run now: {self._duty.title}"
            if self._duty.can_stop:
                self._switch = button("Disable", self._toggle, "small")

    def show(self, state: DutyState) -> None:
        self._is_on = state.is_on
        self._state.say("● on" if state.is_on else "‖ off")
        self._state.classes(replace="ok" if state.is_on else "warn")
        last = state.last
        set_age(self._last, last.at if last else None)
        self._took.say(milliseconds(last.took_s * 1000) if last else "–")
        self._problem.say(last.problem or "" if last else "")
        set_until(self._next, state.next_at)
        if self._switch is not None:
            verb = "Disable" if state.is_on else "Enable"
            self._switch.say(verb)
            self._switch.props["aria-label"] = f"{verb}: {self._duty.title}"

    async def _run(self) -> None:
        await run_duty(*await acting.queueing_to(), self._duty.name)
        notice("The scheduler does it within a second or two.")
        await self._changed()

    async def _toggle(self) -> None:
        on = not self._is_on
        await switch_duty(*await acting.queueing_to(), self._duty.name, on=on)
        notice(f"“{self._duty.title}” is {'on' if on else 'off'}.", "positive" if on else "warning")
        await self._changed()

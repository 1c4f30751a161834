"""Above the failed jobs: what narrows the list, and what can be done to those that are left or chosen."""

import uuid
from collections.abc import Awaitable, Callable, Sequence

from core.access import Action
from core.failed_jobs.filter import STATES
from core.queries.count import Count
from core.queries.failed_summary import FailedSummary
from core.queries.failure_tallies import Tally
from dashboard import acting
from dashboard.components.export_menu import ExportMenu
from dashboard.components.failed_address import PATH, SPANS, FailedAddress
from dashboard.components.forms import choice, filters, text_filter
from dashboard.components.html import box, button, link

Act = Callable[[], Awaitable[None]]


def failed_filters(asked: FailedAddress, summary: FailedSummary | None) -> None:
    """The choices come with the last snapshot; before the first there are only those of the address."""
    kept = {"cause": asked.cause, "action": str(asked.action or "")}
    with filters(PATH, **kept):
        choice("task", asked.task, "Task", _options("task", asked.task, summary.tasks if summary else ()))
        choice("queue", asked.queue, "Queue", _options("queue", asked.queue, summary.queues if summary else ()))
        choice("within", asked.within, "Failed", {hours: f"failed: {words}" for hours, words in SPANS.items()})
        states = {"" if state == "open" else state: f"state: {state}" for state in STATES}
        choice("state", "" if asked.state == "open" else asked.state, "State", states)
        text_filter("q", asked.text, "Text, or an id", most=200)
    if not asked.is_everything or asked.state != "open":
        link("Show all", PATH, "btn")


def _options(kind: str, chosen: str, tallies: Sequence[Tally]) -> dict[str, str]:
    options = {"": f"{kind}: any"} | {tally.name: f"{tally.name} ({tally.number:,})" for tally in tallies}
    return options if chosen in options else options | {chosen: chosen}


class FailedButtons:
    """Their words say what they would be done to: the chosen rows, or all that match."""

    def __init__(self, asked: FailedAddress, *, retry: Act, discard: Act, bring_back: Act) -> None:
        self._verbs: list[tuple[str, Act, str]] = []
        if asked.state == "discarded" and acting.allowed(Action.DISCARD_JOBS):
            self._verbs.append(("Bring back", bring_back, "primary"))
        if asked.state == "open" and acting.allowed(Action.DISCARD_JOBS):
            self._verbs.append(("Discard", discard, ""))
        if asked.state == "open" and acting.allowed(Action.RETRY_JOBS):
            self._verbs.append(("Retry", retry, "primary"))
        with box(classes="actions"):
            self._export = ExportMenu(PATH, asked.parameters)
            self._buttons = {verb: button(verb, act, tone) for verb, act, tone in self._verbs}
        self.show(Count(0), ())

    def again(self, number: str) -> None:
        """The same verbs here, for so many that are chosen: the bar above may be many rows away."""
        for verb, act, tone in self._verbs:
            button(f"{verb} {number}", act, f"small {tone}")

    def show(self, count: Count, ids: Sequence[uuid.UUID]) -> None:
        """`count` jobs match, and those with these ids are ticked."""
        is_empty, chosen = count.exact and not count.value, len(ids)
        self._export.choose(ids)
        self._export.element.set_visibility(not is_empty)
        for verb, element in self._buttons.items():
            words = f"{verb} {chosen} selected" if chosen else f"{verb} all {count}" if count.value else f"{verb} all"
            element.say(words)
            element.props["data-command"] = f"{words} failed jobs"
            element.set_visibility(not is_empty)

"""What people did to failed jobs: how far it is, what became of it, and the way back."""

import datetime as dt
from collections.abc import Sequence
from functools import partial

from core.access import Action
from core.phrases import counted
from core.queries.failed_actions import FailedJobsAction
from dashboard import acting
from dashboard.components.failed_verbs import FailedVerbs
from dashboard.components.html import Text, age, box, button, link
from dashboard.urls import url

TONE = {"canary": "run", "running": "run", "done": "ok", "cancelled": "", "stopped": "warn"}
WORD = {
    "canary": "◔ first jobs",
    "running": "◑ under way",
    "done": "● done",
    "cancelled": "‖ cancelled",
    "stopped": "▲ stopped",
}
PAST = {"retry": "retried", "discard": "discarded", "reopen": "brought back"}
PRESENT = {"retry": "retries", "discard": "discards", "reopen": "brings back"}


class ActionList:
    """Each row is drawn anew only when its action has changed."""

    def __init__(self, verbs: FailedVerbs) -> None:
        self._verbs = verbs
        with box("div", "deeds") as self._card:
            self._body = box().props("role=status aria-live=polite")
            with box("details") as self._before:
                self._summary = Text("summary")
                self._earlier = box()
        self._card.set_visibility(False)
        self._shown: object = None

    def show(self, actions: Sequence[FailedJobsAction], *, since: dt.datetime) -> None:
        """What is under way, and the newest deed if it was done after `since`; the others are folded away."""
        newest = [action for action in actions[:1] if action.created_at >= since]
        now = [action for action in actions if action.finished_at is None or action in newest]
        if (actions, now) == self._shown:
            return
        self._shown = (actions, now)
        undone = {action.filter.action for action in actions if action.verb == "reopen"}
        earlier = [action for action in actions if action not in now]
        for place, those in ((self._body, now), (self._earlier, earlier)):
            place.clear()
            with place:
                for action in those:
                    self._row(action, can_undo=action.id not in undone)
        self._summary.say(f"What was done before, and what became of it ({len(earlier)})")
        self._before.set_visibility(bool(earlier))
        self._card.set_visibility(bool(actions))

    def _row(self, action: FailedJobsAction, *, can_undo: bool) -> None:
        with box(classes="row-item"):
            Text("span", WORD[action.state], f"pill {TONE[action.state]}")
            with box(classes="say"):
                Text("div", headline(action))
                with box(classes="d"):
                    Text("span", f"{detail(action)} ")
                    age(action.created_at, suffix=" ago", tag="span")
            if action.finished_at is None:
                progress = box("progress")
                progress.props["max"], progress.props["value"] = max(action.total.value, action.taken, 1), action.taken
                progress.props["aria-label"] = f"{action.taken:,} of {action.total}"
            self._buttons(action, can_undo=can_undo)

    def _buttons(self, action: FailedJobsAction, *, can_undo: bool) -> None:
        if action.failed_again:
            link(f"Show the {action.failed_again:,}", url("/failed", action=action.id), "btn")
        if not acting.allowed(Action.RETRY_JOBS):
            return
        if action.state == "canary":
            _named(button("Send the rest now", partial(self._verbs.skip_canary, action.id)), action)
        if action.finished_at is None:
            _named(button("Cancel", partial(self._verbs.cancel, action.id)), action)
        if action.verb == "discard" and action.finished_at is not None and action.taken and can_undo:
            _named(button("Undo", partial(self._verbs.undo, action.id)), action)


def _named(element: Text, action: FailedJobsAction) -> None:
    """Among several of the same word, for a screen reader and the palette."""
    element.props["aria-label"] = element.props["data-command"] = f"{element.text}: {headline(action)}"


def headline(action: FailedJobsAction) -> str:
    """`anna retries 620 of 1,000 jobs: failed jobs of generate_embeddings`, `anna discarded 2 jobs`."""
    target = "" if action.filter.ids else f": {action.target}"
    if action.finished_at is None:
        return f"{action.actor} {PRESENT[action.verb]} {action.taken:,} of {action.total.of('job')}{target}"
    return f"{action.actor} {PAST[action.verb]} {counted(action.taken, 'job')}{target}"


def detail(action: FailedJobsAction) -> str:
    """What became of the jobs, or why it stopped."""
    parts = []
    if action.verb == "retry" and action.taken:
        numbers = (
            (action.succeeded, "succeeded"),
            (action.failed_again, "failed again"),
            (action.on_their_way, "on the way"),
        )
        parts.append(", ".join(f"{number:,} {word}" for number, word in numbers if number))
    if action.reason:
        parts.append(action.reason.removesuffix("."))
    return "; ".join(parts) + (" ·" if parts else "")

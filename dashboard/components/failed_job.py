"""One failed job beside the list: its attempts, arguments and traceback, and what can be done."""

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

from core.access import Action
from core.failed_jobs.filter import Filter
from core.failed_jobs.subjects import About
from core.failed_jobs.view import Story
from core.phrases import duration
from core.queries.failed_show import FailedJobStory
from core.queues.catalogue import CATALOGUE
from dashboard import acting
from dashboard.components.failed_groups import short
from dashboard.components.failed_verbs import FailedVerbs
from dashboard.components.html import Text, box, button, link
from dashboard.phrasing import clock

# The address says what is shown, and the keyboard goes on where it came from.
_BACK_TO_THE_LIST = """() => {
  const address = new URL(location.href);
  address.searchParams.delete("job");
  history.replaceState(history.state, "", address);
  document.querySelector("table.failures a[aria-current]")?.focus();
  emit();
}"""
PLACE = {"article": "/articles/{}", "feed": "/articles?feed={}"}
TONE = {"open": "bad", "retried": "run", "succeeded": "ok", "discarded": ""}
WORD = {"open": "✕ failed", "retried": "→ retried", "succeeded": "● succeeded", "discarded": "‖ discarded"}


class FailedJob:
    """An empty place until a job is shown in it."""

    def __init__(self, verbs: FailedVerbs, close: Callable[[], None]) -> None:
        self._verbs, self._close = verbs, close
        self._card = box("section", "card drawer").props('id=job aria-label="The chosen job" tabindex=-1')
        self._card.set_visibility(False)
        self._shown: Story | None = None

    def show(self, story: Story) -> None:
        if story != self._shown:
            self._shown = story
            self._card.clear()
            with self._card:
                self._head(story.job, story.about)
                self._actions(story.job)
                _attempts(story.job.attempts)
                _arguments(story.job)
        self._card.set_visibility(True)

    def focus(self) -> None:
        """Takes the keyboard to the job: Escape brings it back."""
        self._card.client.run_javascript('document.getElementById("job")?.focus({preventScroll: true})')

    def hide(self) -> None:
        self._shown = None
        self._card.clear()
        self._card.set_visibility(False)

    def _head(self, story: FailedJobStory, about: About | None) -> None:
        with box(classes="head"):
            Text("h2", story.task)
            # Escape is this button too.
            shut = Text("button", "✕", "btn small").props('type=button aria-label="Close"')
            shut.on("click", self._close, js_handler=_BACK_TO_THE_LIST)
        worker = str(story.attempts[-1].get("worker", "")) if story.attempts else ""
        with box(classes="origin"):
            Text("span", WORD[story.state], f"pill {TONE[story.state]}")
            Text("span", f"id {str(story.id)[:8]}").props["title"] = str(story.id)
            Text("span", f"queue {story.queue}")
            if worker:
                Text("span", f"worker {worker}")
        if about is not None and about.kind in PLACE:
            link(about.words, PLACE[about.kind].format(about.id), "under")
        Text("p", f"{short(story.exception)}: {story.message}", "said")
        facts = [story.reason]
        if story.resolved_by and story.resolved_at:
            facts.append(f"{story.state} by {story.resolved_by} {clock(story.resolved_at)}")
        if story.deliveries > 1:
            facts.append(f"{story.deliveries} deliveries")
        if story.first_failed_at != story.last_failed_at:
            facts.append(f"first failed {clock(story.first_failed_at)}")
        Text("p", " · ".join(facts), "under")

    def _actions(self, story: FailedJobStory) -> None:
        with box(classes="actions"):
            if story.state == "open":
                if acting.allowed(Action.RETRY_JOBS):
                    button("Retry", lambda: self._verbs.retry_one(story), "primary", command="Retry the chosen job")
                if acting.allowed(Action.EDIT_JOB) and story.task in CATALOGUE:
                    button("Edit and retry", lambda: self._verbs.edit(story))
                if acting.allowed(Action.DISCARD_JOBS):
                    button("Discard", lambda: self._verbs.discard_one(story), command="Discard the chosen job")
            elif story.state == "discarded" and acting.allowed(Action.DISCARD_JOBS):
                button("Bring back", lambda: self._verbs.bring_back(Filter(ids=(story.id,))), "primary")


def _attempts(attempts: list[dict[str, Any]]) -> None:
    """Each with its traceback, the last one open; times count from the attempt before."""
    if not attempts:
        return
    Text("h3", "Attempts")
    before: dt.datetime | None = None
    with box("ol", "attempts"):
        for number, attempt in enumerate(attempts, 1):
            at = _moment(attempt.get("at"))
            with box("li"), box("details") as details:
                if number == len(attempts):
                    details.props["open"] = True
                with box("summary"):
                    Text("span", f"Attempt {number}")
                    Text("time", _when(at, before))
                    Text("span", short(str(attempt.get("exception", ""))), "mute")
                took = attempt.get("duration_s")
                if isinstance(took, int | float):
                    Text("p", f"took {duration(took)} on {attempt.get('worker', '?')}", "under")
                Text("pre", str(attempt.get("traceback", "")) or str(attempt.get("message", ""))).props("tabindex=0")
                if attempt.get("log"):
                    Text("p", "What it said", "under")
                    Text("pre", str(attempt["log"])).props("tabindex=0")
            before = at


def _when(at: dt.datetime | None, before: dt.datetime | None) -> str:
    if at is None:
        return ""
    if before is None or at < before:
        return clock(at)
    return f"+{duration((at - before).total_seconds())}"


def _moment(said: object) -> dt.datetime | None:
    try:
        return dt.datetime.fromisoformat(str(said))
    except ValueError:
        return None


def _arguments(story: FailedJobStory) -> None:
    Text("h3", "Arguments")
    signature = CATALOGUE.get(story.task)
    names = [parameter.name for parameter in signature.parameters] if signature else []
    named = dict(zip(names, story.args, strict=False)) | story.kwargs
    rest = story.args[len(names) :]
    shown: object = named if named and not rest else {"args": story.args, "kwargs": story.kwargs}
    Text("pre", json.dumps(shown, indent=2, ensure_ascii=False)).props("tabindex=0")
    labels = {name: value for name, value in story.labels.items() if name not in {"job_key", "queue_name"}}
    if labels:
        Text("h3", "Labels")
        Text("pre", json.dumps(labels, indent=2, ensure_ascii=False)).props("tabindex=0")

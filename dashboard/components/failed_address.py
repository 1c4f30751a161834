"""The address of a list of failed jobs: every filter, the place in the list, and the job beside it."""

import datetime as dt
import uuid
from dataclasses import dataclass, replace

from core.failed_jobs.filter import STATES, Filter, State
from core.queries.failed_list import FailedCursor
from dashboard.urls import cursor, place, read_id, url

PATH = "/failed"
# Hours, as the address has them, to words.
SPANS = {"": "any time", "1": "last hour", "24": "last 24 h", "168": "last 7 days", "720": "last 30 days"}


@dataclass(frozen=True)
class FailedAddress:
    """What is asked for; what makes no sense in an address counts as not said."""

    text: str = ""
    task: str = ""
    queue: str = ""
    cause: str = ""
    within: str = ""
    state: State = "open"
    action: uuid.UUID | None = None
    after: FailedCursor | None = None
    job: uuid.UUID | None = None

    @classmethod
    def read(
        cls, *, text: str, within: str, state: str, action: str, after: str, job: str, **names: str
    ) -> "FailedAddress":
        return cls(
            text=text.strip(),
            within=within if within in SPANS else "",
            state=next((known for known in STATES if known == state), "open"),
            action=read_id(action),
            after=place(after, FailedCursor),
            job=read_id(job),
            **names,
        )

    @property
    def url(self) -> str:
        return url(PATH, **self.parameters, after=cursor(self.after), job=self.job)

    @property
    def parameters(self) -> dict[str, object]:
        """Those of the filter; an export has the same."""
        return {
            "q": self.text,
            "task": self.task,
            "queue": self.queue,
            "cause": self.cause,
            "within": self.within,
            "state": "" if self.state == "open" else self.state,
            "action": self.action,
        }

    @property
    def first(self) -> "FailedAddress":
        """The first page, with no job beside it."""
        return replace(self, after=None, job=None)

    @property
    def is_everything(self) -> bool:
        return self.first == FailedAddress(state=self.state)

    def filter(self, now: dt.datetime) -> Filter:
        return Filter(
            state=self.state,
            task=self.task,
            queue=self.queue,
            cause=self.cause,
            since=now - dt.timedelta(hours=int(self.within)) if self.within else None,
            text=self.text,
            action=self.action,
        )

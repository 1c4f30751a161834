"""The address of the record: every filter, and the place in the list."""

import datetime as dt
from contextlib import suppress
from dataclasses import dataclass, replace

from core.access import Action
from core.queries.records import RecordCursor, RecordFilter
from dashboard.urls import cursor, place, url

PATH = "/record"
# Hours, as the address has them, to words.
SPANS = {"": "any time", "1": "one hour", "24": "24 hours", "168": "7 days", "720": "30 days", "8760": "a year"}
OUTCOMES = ("done", "refused", "failed")


@dataclass(frozen=True)
class RecordAddress:
    """What is asked for; what makes no sense in an address counts as not said. `until` is a day, the last one meant."""

    text: str = ""
    actor: str = ""
    action: str = ""
    outcome: str = ""
    within: str = ""
    until: dt.date | None = None
    after: RecordCursor | None = None

    @classmethod
    def read(
        cls, *, text: str, actor: str, action: str, outcome: str, within: str, until: str, after: str
    ) -> "RecordAddress":
        return cls(
            text=text.strip(),
            actor=actor.strip(),
            action=action if action in set(Action) else "",
            outcome=outcome if outcome in OUTCOMES else "",
            within=within if within in SPANS else "",
            until=_day(until),
            after=place(after, RecordCursor),
        )

    @property
    def url(self) -> str:
        return url(PATH, **self.parameters, after=cursor(self.after))

    @property
    def parameters(self) -> dict[str, object]:
        """Those of the filter; an export has the same."""
        return {
            "q": self.text,
            "actor": self.actor,
            "action": self.action,
            "outcome": self.outcome,
            "within": self.within,
            "until": self.until,
        }

    @property
    def first(self) -> "RecordAddress":
        return replace(self, after=None)

    def filter(self, now: dt.datetime) -> RecordFilter:
        """`within` counts back from the end of the day `until`, or from now. Days are the server's."""
        end, since = None, None
        # Of the first and the last day of the calendar there is no day before or after.
        with suppress(OverflowError, ValueError):
            if self.until:
                midnight = dt.datetime.combine(self.until + dt.timedelta(days=1), dt.time())
                end = midnight.astimezone(dt.UTC)
            if self.within:
                since = (end or now) - dt.timedelta(hours=int(self.within))
        return RecordFilter(
            actor=self.actor, action=self.action, outcome=self.outcome, since=since, until=end, text=self.text
        )


def _day(said: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(said) if said else None
    except ValueError:
        return None

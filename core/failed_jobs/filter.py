"""Which failed jobs: what a page shows, what an export holds and what a verb is done to are chosen in one way."""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

from core.phrases import counted

State = Literal["open", "retried", "discarded", "succeeded"]
Counted = Literal["open", "task", "queue", "cause"]
STATES: tuple[State, ...] = ("open", "retried", "discarded", "succeeded")


@dataclass(frozen=True)
class Filter:
    """Every part narrows it; an empty one says nothing.

    `cause` is a fingerprint. `since` looks at the last failure. `text` is looked for in exception, message, task and
    arguments. `action` is the id of what was done to them last, `ids` names them one by one.
    """

    state: State = "open"
    task: str = ""
    queue: str = ""
    cause: str = ""
    since: dt.datetime | None = None
    text: str = ""
    action: uuid.UUID | None = None
    ids: tuple[uuid.UUID, ...] = ()

    @property
    def is_everything(self) -> bool:
        return self == Filter(state=self.state)

    @property
    def only(self) -> tuple[Counted, str] | None:
        """What it narrows by, if that is one thing of which the open jobs are counted all the time."""
        if self.state != "open" or self.since or self.text or self.action or self.ids:
            return None
        names: dict[Counted, str] = {"task": self.task, "queue": self.queue, "cause": self.cause}
        said = [(kind, name) for kind, name in names.items() if name]
        match said:
            case []:
                return "open", ""
            case [one]:
                return one
            case _:
                return None

    def named(self, ids: tuple[uuid.UUID, ...]) -> Self:
        """Those of its jobs that have one of these ids."""
        return replace(self, ids=ids)

    def as_json(self) -> dict[str, Any]:
        said = {name: value for name, value in vars(self).items() if value}
        if self.since:
            said["since"] = self.since.isoformat()
        if self.action:
            said["action"] = str(self.action)
        if self.ids:
            said["ids"] = [str(id_) for id_ in self.ids]
        return said

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Self:
        """Of what `as_json` made."""
        return cls(
            **{
                **said,
                "since": dt.datetime.fromisoformat(said["since"]) if "since" in said else None,
                "action": uuid.UUID(said["action"]) if "action" in said else None,
                "ids": tuple(uuid.UUID(id_) for id_ in said.get("ids", ())),
            }
        )

    def words(self, exception: str = "") -> str:
        """`failed jobs of generate_embeddings with the cause RateLimitError that say “rate”`.

        `exception` is that of the cause, where it is known.
        """
        kind = "failed" if self.state == "open" else self.state
        parts = [f"all {kind} jobs" if self.is_everything else f"{kind} jobs"]
        if self.task:
            parts.append(f"of {self.task}")
        if self.queue:
            parts.append(f"in the queue {self.queue}")
        if self.cause:
            parts.append(f"with the cause {exception or self.cause}")
        if self.since:
            parts.append(f"that failed after {self.since.astimezone():%Y-%m-%d %H:%M:%S}")
        if self.text:
            parts.append(f"that say “{self.text}”")
        if self.action:
            parts.append("of one action")
        if self.ids:
            return f"{counted(len(self.ids), 'chosen job')}" if len(parts) == 1 else " ".join(parts)
        return " ".join(parts)

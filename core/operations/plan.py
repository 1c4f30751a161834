"""A plan: what will happen, word for word, what it takes, how it will be proved, and the way back. Pure."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import TypeAdapter

Parameters = Mapping[str, Any]


@dataclass(frozen=True)
class PlannedStep:
    """One thing that will be done. `sql` is exact; `locks` says what it keeps others from, and for how long.

    `findings` are what a linter says about it.
    """

    title: str
    sql: tuple[str, ...] = ()
    locks: str = "none"
    findings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Danger:
    """What a person must know before approving. `warning`: think; `danger`: this hurts."""

    severity: Literal["warning", "danger"]
    text: str


@dataclass(frozen=True)
class Plan:
    """What a person reads before saying yes. Every text is a phrase without a capital or a full stop, but for summary.

    `seconds` is the expected duration, None when nothing is known to go by. `loses` says what no way back restores;
    then `phrase` must be typed to approve.
    """

    title: str
    summary: str
    steps: tuple[PlannedStep, ...]
    locks: str
    memory: str
    disk: str
    duration: str
    verify: str
    rollback: str
    seconds: float | None = None
    dangers: tuple[Danger, ...] = ()
    loses: str | None = None
    phrase: str | None = None

    @property
    def sql(self) -> tuple[str, ...]:
        return tuple(statement for step in self.steps for statement in step.sql)


@dataclass(frozen=True)
class Explored:
    """What was found. `matters` is all that the plan depends on: when it changes, the plan is void.

    `seen` are numbers that drift all the time (rows, free disk): the plan quotes them, the hash leaves them out.
    Both hold JSON values.
    """

    matters: Mapping[str, Any]
    seen: Mapping[str, Any] = dataclasses.field(default_factory=dict)


_PLAN = TypeAdapter(Plan)


def to_json(plan: Plan) -> dict[str, Any]:
    found: dict[str, Any] = _PLAN.dump_python(plan, mode="json")
    return found


def from_json(value: Mapping[str, Any]) -> Plan:
    return _PLAN.validate_python(value)


def plan_hash(kind: str, parameters: Parameters, matters: Mapping[str, Any], plan: Plan) -> str:
    """What an approval is bound to: the kind, what was asked, what matters of the world, and every statement."""
    bound = [kind, parameters, matters, plan.sql, plan.loses]
    text = json.dumps(bound, sort_keys=True, separators=(",", ":"), default=list)
    return hashlib.sha256(text.encode()).hexdigest()


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What matters and is not as it was, as phrases: `pending was 0003, is nothing`."""
    return [
        f"{name} was {_said(before.get(name))}, is {_said(after.get(name))}"
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]


def _said(value: Any) -> str:
    match value:
        case list() if value:
            return ", ".join(_said(item) for item in value)
        case dict() if value:
            return " ".join(f"{key}={_said(item)}" for key, item in value.items() if item not in (None, "", [], {}))
        case None | "" | list() | dict():
            return "nothing"
        case _:
            return str(value)

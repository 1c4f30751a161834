"""The hand-over note: an operation as Markdown, for a chat, a ticket, or the next person on call. Pure."""

import datetime as dt
import re
from collections.abc import Iterator, Sequence

from core.operations.states import ENDED, State
from core.phrases import duration
from core.queries.operation_lines import Line
from core.queries.operations import OperationRow

# The end of a long log says how it went; the page has the rest.
LINES = 40


def note(row: OperationRow, lines: Sequence[Line], address: str | None = None) -> str:
    """Everything that somebody who was not there must know. `address`: where its page is."""
    return "\n".join(_parts(row, lines, address)).strip() + "\n"


def _parts(row: OperationRow, lines: Sequence[Line], address: str | None) -> Iterator[str]:
    yield f"## {row.title}"
    yield ""
    yield f"**{row.state.value.capitalize()}.** {row.outcome or row.plan.summary}"
    yield ""
    yield from _facts(row, address)
    yield from _plan(row)
    if row.result:
        yield ""
        yield "### Measured"
        yield ""
        for name, value in row.result.items():
            if isinstance(value, dict) and "recall" in value:
                quality = f"recall@10 {value['recall']:.3f} ({value['low']:.3f} to {value['high']:.3f})"
                speed = f"p50 {value['p50_ms']:.1f} ms, p95 {value['p95_ms']:.1f} ms"
                yield f"- {name}: {quality}, {speed}, at {value['setting']} {value['value']}"
    if lines:
        yield ""
        yield "### Log" if len(lines) <= LINES else f"### Log (the last {LINES} lines)"
        yield ""
        yield from _quoted([f"{_at(line.at)} {_level(line)}{line.text}" for line in lines[-LINES:]])
    if row.state not in ENDED:
        yield ""
        yield f"Next: {_next(row)}"


def _facts(row: OperationRow, address: str | None) -> Iterator[str]:
    yield f"- Planned {_at(row.planned_at)} by {row.proposed_by}"
    if row.approved_by and row.approved_at:
        second = f", and by {row.second_by} {_at(row.second_at)}" if row.second_by and row.second_at else ""
        yield f"- Approved {_at(row.approved_at)} by {row.approved_by}{second}"
    if row.started_at:
        took = f", took {duration((row.ended_at - row.started_at).total_seconds())}" if row.ended_at else ""
        yield f"- Begun {_at(row.started_at)}{took}"
    if row.takeovers:
        yield f"- Taken over by another worker {row.takeovers} times"
    yield f"- Id `{row.id}`, plan `{row.plan_hash[:12]}`"
    if address:
        yield f"- {address}"


def _plan(row: OperationRow) -> Iterator[str]:
    plan = row.plan
    yield ""
    yield "### Plan"
    yield ""
    for name, text in (
        ("Locks", plan.locks),
        ("Memory", plan.memory),
        ("Disk", plan.disk),
        ("Duration", plan.duration),
        ("Verify", plan.verify),
        ("Way back", plan.rollback),
        ("Loses", plan.loses),
    ):
        if text:
            yield f"- {name}: {text}"
    for danger in plan.dangers:
        yield f"- **{danger.severity.capitalize()}**: {danger.text}"
    ended = set(row.ended)
    yield ""
    for number, step in enumerate(plan.steps, 1):
        yield f"{number}. {step.title}" + (f" (locks: {step.locks})" if step.sql else "")
    if ended:
        yield ""
        yield f"Steps that were completed: {', '.join(row.ended)}."
    if plan.sql:
        yield ""
        yield from _quoted([f"{statement.rstrip(';')};" for statement in plan.sql], "sql")


def _quoted(lines: Sequence[str], language: str = "") -> Iterator[str]:
    """A block of code that nothing in it ends: a log quotes what others wrote."""
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    yield f"{fence}{language}"
    yield from lines
    yield fence


def _next(row: OperationRow) -> str:
    match row.state:
        case State.PROPOSED:
            who = "a second person" if row.waits_for_second else "somebody"
            until = _at(row.expires_at)
            return f"{who} reads the plan and approves it before {until}: `signalist operations approve {row.id}`"
        case State.PAUSED:
            return f"resume it, or `signalist operations cancel {row.id}`"
        case _:
            return (
                f"watch it with `signalist operations show {row.id}`; `signalist operations cancel {row.id}` stops it"
            )


def _at(moment: dt.datetime) -> str:
    return f"{moment.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S} UTC"


def _level(line: Line) -> str:
    return "" if line.level == "info" else f"{line.level.upper()} "

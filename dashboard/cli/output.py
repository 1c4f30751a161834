"""How verbs speak: tables for people, JSON for programs, and a question before what cannot be undone."""

import datetime as dt
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Annotated

import typer
from pydantic_core import to_json

from core.errors import BadRequest
from core.phrases import duration

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON instead of a table.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

# Feed text is hostile: an escape sequence in a title could rewrite the reader's terminal.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_CONTROL_BUT_LINES = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]+")
# Wide enough that nothing wraps when the output goes into a pipe or a file.
_PIPE_WIDTH = 500


def say(sentence: str) -> None:
    """Writes a sentence, or several lines, to stdout."""
    typer.echo(_CONTROL_BUT_LINES.sub(" ", sentence))


def complain(sentence: str) -> None:
    """Writes one line to stderr."""
    typer.echo(_CONTROL.sub(" ", sentence), err=True)


def ago(moment: dt.datetime | None, now: dt.datetime) -> str | None:
    """`4 min ago`; None for what never happened."""
    return None if moment is None else f"{duration(max((now - moment).total_seconds(), 0))} ago"


def write_json(value: object) -> None:
    """Writes dataclasses, times and ids as indented JSON to stdout."""
    typer.echo(to_json(value, indent=2))


def write_list(columns: Sequence[str], rows: Sequence[Sequence[object]], nothing: str) -> None:
    """Writes a table, or the sentence `nothing` where it would have no rows."""
    if rows:
        write_table(columns, rows)
    else:
        say(nothing)


def write_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Writes a table to stdout: no wrapping in a pipe, no colour either; None shows as a dash."""
    from rich.console import Console  # noqa: PLC0415 - a tenth of a second, for tables alone
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(*columns, box=None, pad_edge=False, padding=(0, 2), header_style="bold")
    for row in rows:
        table.add_row(*(Text("–" if cell is None else _CONTROL.sub(" ", str(cell))) for cell in row))
    Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH).print(table)


def confirm(question: str, *, yes: bool) -> None:
    """Asks, unless `yes`. Ends the command when the answer is no; raises BadRequest where nobody can answer."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise BadRequest(f"{question} Nobody is there to answer: add --yes.")
    typer.confirm(question, abort=True)

"""Rows as files, written while they are read: a million of them never stand in memory."""

import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence

from pydantic_core import to_json


async def as_csv(columns: Sequence[str], pages: AsyncIterator[Iterable[object]]) -> AsyncIterator[str]:
    """A header, with the first page, and a line for each row, of its attributes of these names."""
    head: list[Sequence[str]] = [columns]
    async for rows in pages:
        yield _lines([*head, *([getattr(row, name) for name in columns] for row in rows)])
        head = []


async def as_json(pages: AsyncIterator[Iterable[object]]) -> AsyncIterator[str]:
    """An array of the rows."""
    separator = "["
    async for rows in pages:
        for row in rows:
            yield f"{separator}\n{to_json(row).decode()}"
            separator = ","
    yield "[]\n" if separator == "[" else "\n]\n"


def _lines(rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: object) -> str:
    """What is neither text nor None is written as JSON."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else to_json(value).decode().strip('"')
    # A spreadsheet would take these for the beginning of a formula.
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text

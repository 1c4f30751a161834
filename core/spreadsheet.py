"""Lines of CSV, which a spreadsheet may open although what stands in them is hostile."""

import csv
import io
from collections.abc import Iterable

from pydantic_core import to_json


def lines(rows: Iterable[Iterable[object]]) -> str:
    """A line for each row. What is neither text nor None is written as JSON."""
    text = io.StringIO()
    csv.writer(text).writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else to_json(value).decode().strip('"')
    # A spreadsheet would take these for the beginning of a formula.
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text

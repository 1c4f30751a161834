"""The one place that turns an error into a notice."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

from nicegui import ui

from core.errors import SignalistError


def notice(text: str, tone: Literal["positive", "warning", "negative"] = "positive") -> None:
    """A sentence at the foot of the page: `positive`, `warning` or `negative`."""
    ui.notify(text, type=tone, position="bottom", timeout=8000 if tone == "negative" else 4000, close_button="Close")


@asynccontextmanager
async def reported() -> AsyncIterator[None]:
    """What goes wrong inside is said to the person who clicked, in the error's own sentence."""
    try:
        yield
    except SignalistError as error:
        notice(str(error), "negative")

"""The one place that turns an error into a notice."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

from nicegui import ui

from core.errors import SignalistError

Tone = Literal["positive", "warning", "negative"]
ICON: dict[Tone, str] = {"positive": "✓", "warning": "▲", "negative": "✕"}


def notice(text: str, tone: Tone = "positive") -> None:
    """A sentence at the foot of the page: `positive`, `warning` or `negative`. It takes the place of the one before."""
    # No `type`: Quasar's own colours are too weak to read, and its style sheet lets nobody change them.
    ui.notify(
        f"{ICON[tone]} {text}",
        classes=f"notice {tone}",
        position="bottom",
        timeout=4000 if tone == "positive" else 8000,
        close_button="Close",
        # One at a time: beside a success, what was refused before would look like its outcome.
        group="notice",
    )


@asynccontextmanager
async def reported() -> AsyncIterator[None]:
    """What goes wrong inside is said to the person who clicked, in the error's own sentence."""
    try:
        yield
    except SignalistError as error:
        notice(str(error), "negative")

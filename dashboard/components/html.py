"""Plain HTML elements. Text is always text: nothing that comes from data can become markup."""

import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import ui
from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement

from dashboard.notices import reported


class Text(TextElement):
    """An element with text in it, e.g. `Text("h2", "Queues")`."""

    def __init__(self, tag: str, text: str = "", classes: str = "") -> None:
        super().__init__(tag=tag, text=text)
        if classes:
            self.classes(classes)

    def say(self, text: str) -> None:
        """Shows `text`; costs nothing when it is shown already."""
        if text != self.text:
            self.set_text(text)


def box(tag: str = "div", classes: str = "") -> Element:
    """An element that holds others."""
    return ui.element(tag).classes(classes)


def link(text: str, target: str, classes: str = "") -> Text:
    """A link to a place of ours, or to http(s) elsewhere: anything else in `target` is not followed."""
    safe = target if target.startswith(("/", "http://", "https://")) and not target.startswith("//") else "#"
    element = Text("a", text, classes)
    element.props["href"] = safe
    if not safe.startswith("/"):
        element.props["rel"] = "noopener noreferrer"
        element.props["target"] = "_blank"
    return element


def age(at: dt.datetime | None, *, prefix: str = "", suffix: str = "", tag: str = "time", unknown: str = "–") -> Text:
    """How long ago `at` was; the browser keeps it ticking."""
    element = Text(tag, unknown)
    element.props["data-prefix"], element.props["data-suffix"] = prefix, suffix
    set_age(element, at)
    return element


def set_age(element: Text, at: dt.datetime | None) -> None:
    stamp = "" if at is None else at.isoformat()
    if element.props.get("data-at") != stamp:
        element.props["data-at"] = stamp
        element.props["title"] = "" if at is None else at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        element.update()


def button(text: str, act: Callable[[], Awaitable[Any]], classes: str = "", *, command: str = "") -> Text:
    """A button that acts once a click: it is disabled while it works, and a failure becomes a notice.

    `command` names it in the palette (Ctrl-K).
    """
    element = Text("button", text, f"btn {classes}")
    element.props["type"] = "button"
    if command:
        element.props["data-command"] = command

    async def clicked() -> None:
        if "disabled" in element.props:
            return
        element.props["disabled"] = True
        element.update()
        try:
            async with reported():
                await act()
        finally:
            if not element.is_deleted:
                del element.props["disabled"]
                element.update()

    element.on("click", clicked)
    return element

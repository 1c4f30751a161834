"""Plain HTML elements. Text is always text: nothing that comes from data can become markup."""

import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import ui
from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement

from dashboard.notices import reported
from dashboard.phrasing import brief, in_how_long


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


def prose(tag: str, text: str, classes: str = "") -> Element:
    """An element with text in which what stands between backticks is to be typed."""
    element = box(tag, classes)
    with element:
        for number, part in enumerate(text.split("`")):
            if part:
                Text("code" if number % 2 else "span", part)
    return element


def box(tag: str = "div", classes: str = "") -> Element:
    """An element that holds others."""
    return ui.element(tag).classes(classes)


def scrolling() -> Element:
    """What is wider than the screen, and can be moved with the keyboard."""
    return box(classes="scroll").props("tabindex=0")


def link(text: str, target: str, classes: str = "") -> Text:
    """A link to a place of ours, or to http(s) elsewhere: anything else in `target` is not followed."""
    # Browsers read a backslash as a slash: two of either would lead to another host.
    local = target.startswith("/") and target[1:2] not in {"/", "\\"}
    safe = target if local or target.startswith(("http://", "https://")) else "#"
    element = Text("a", text, classes)
    element.props["href"] = safe
    if not safe.startswith("/"):
        element.props["rel"] = "noopener noreferrer"
        element.props["target"] = "_blank"
    return element


def age(at: dt.datetime | None, *, prefix: str = "", suffix: str = "", tag: str = "time", unknown: str = "–") -> Text:
    """How long ago `at` was; the browser keeps it ticking."""
    element = Text(tag, unknown)
    element.props["data-prefix"], element.props["data-suffix"], element.props["data-unknown"] = prefix, suffix, unknown
    set_age(element, at)
    return element


def set_age(element: Text, at: dt.datetime | None) -> None:
    if element.props.get("data-at") == _stamp(at):
        return
    props = element.props
    props["data-at"], props["title"] = _stamp(at), _moment(at)
    ago = "" if at is None else brief((dt.datetime.now(dt.UTC) - at).total_seconds())
    element.say(f"{props['data-prefix']}{ago}{props['data-suffix']}" if ago else props["data-unknown"])


def until(at: dt.datetime | None, *, tag: str = "time") -> Text:
    """In how long `at` will be; the browser keeps it ticking, down to "due now"."""
    element = Text(tag)
    set_until(element, at)
    return element


def set_until(element: Text, at: dt.datetime | None) -> None:
    if element.props.get("data-until") == _stamp(at):
        return
    element.props["data-until"], element.props["title"] = _stamp(at), _moment(at)
    element.say("–" if at is None else in_how_long(at, dt.datetime.now(dt.UTC)))


def _stamp(at: dt.datetime | None) -> str:
    return "" if at is None else at.isoformat()


def _moment(at: dt.datetime | None) -> str:
    return "" if at is None else at.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def button(text: str, act: Callable[[], Awaitable[Any]], classes: str = "", *, command: str = "") -> Text:
    """A button that acts once a click: what is clicked while it works is ignored, and a failure becomes a notice.

    `command` names it in the palette (Ctrl-K).
    """
    element = Text("button", text, f"btn {classes}")
    element.props["type"] = "button"
    if command:
        element.props["data-command"] = command

    async def clicked() -> None:
        if "aria-disabled" in element.props:
            return
        # Not `disabled`: a browser takes the focus away from a disabled element.
        element.props["aria-disabled"] = "true"
        try:
            # In the page and not in the button's own place, which may be drawn anew while this works.
            with element.client:
                async with reported():
                    await act()
        finally:
            if not element.is_deleted:
                del element.props["aria-disabled"]

    element.on("click", clicked, js_handler=_ONCE)
    return element


# The second click of a double click would meet the words that the first one changed: "Retry 2 selected" has become
# "Retry all". What a held Enter repeats is kept away by shell.js.
_ONCE = "(e) => { if (e.detail < 2) emit(); }"

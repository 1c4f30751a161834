"""What needs a person, and where to act on it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from core.attention import Attention
from dashboard import design
from dashboard.components.html import Text, box, button, link


class OneClick(NamedTuple):
    """What can be done about it on the spot."""

    text: str
    act: Callable[[], Awaitable[None]]


class AttentionList:
    """Drawn anew only when other things need attention; what is said of them is changed in place, so that a button is
    never pulled away from under a finger. `remedy` says what is one click away, if anything."""

    def __init__(self, remedy: Callable[[Attention], OneClick | None] = lambda _: None) -> None:
        self._remedy = remedy
        with box("section", "card").style("margin-bottom:14px") as card:
            card.props["aria-labelledby"] = "attention"
            with box(classes="head"):
                Text("h2", "Needs attention").props("id=attention")
            self._body = box()
        self._shown: Sequence[Attention] | None = None
        self._details: list[Text] = []

    def show(self, items: Sequence[Attention]) -> None:
        bare = [replace(item, detail="") for item in items]
        if bare == self._shown:
            for element, item in zip(self._details, items, strict=True):
                element.say(item.detail)
            return
        self._shown = bare
        self._body.clear()
        with self._body:
            if not items:
                Text("p", "Nothing. This list fills itself when something needs a person.", "empty")
            self._details = [_row(item, self._remedy(item)) for item in items]


def _row(item: Attention, remedy: OneClick | None) -> Text:
    """Returns the element with its detail."""
    with box(classes="row-item"):
        tone = design.TONE[item.severity]
        Text("span", f"{design.ICON[item.severity]} {item.tag}", f"pill {tone}")
        with box(classes="say"):
            Text("div", item.headline)
            detail = Text("div", item.detail, "d")
        link(item.link_text, item.link, "btn").props["aria-label"] = f"{item.link_text}: {item.headline}"
        if remedy is not None:
            button(remedy.text, remedy.act, "primary").props["aria-label"] = f"{remedy.text}: {item.headline}"
    return detail

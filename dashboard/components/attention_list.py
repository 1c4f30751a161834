"""What needs a person, and where to act on it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from core.attention import Attention
from dashboard import design
from dashboard.components.html import Text, box, button, link


class OneClick(NamedTuple):
    """What can be done about it on the spot."""

    text: str
    act: Callable[[], Awaitable[None]]


class AttentionList:
    """Redrawn only when what needs attention has changed. `remedy` says what is one click away, if anything."""

    def __init__(self, remedy: Callable[[Attention], OneClick | None] = lambda _: None) -> None:
        self._remedy = remedy
        with box("section", "card").style("margin-bottom:14px") as card:
            card.props["aria-labelledby"] = "attention"
            with box(classes="head"):
                Text("h2", "Needs attention").props("id=attention")
            self._body = box()
        self._shown: Sequence[Attention] | None = None

    def show(self, items: Sequence[Attention]) -> None:
        if items == self._shown:
            return
        self._shown = items
        self._body.clear()
        with self._body:
            if not items:
                Text("p", "Nothing. This list fills itself when something needs a person.", "empty")
            for item in items:
                _row(item, self._remedy(item))


def _row(item: Attention, remedy: OneClick | None) -> None:
    with box(classes="row-item"):
        tone = design.TONE[item.severity]
        Text("span", f"{design.ICON[item.severity]} {item.tag}", f"pill {tone}")
        with box(classes="say"):
            Text("div", item.headline)
            Text("div", item.detail, "d")
        link(item.link_text, item.link, "btn").props["aria-label"] = f"{item.link_text}: {item.headline}"
        if remedy is not None:
            button(remedy.text, remedy.act, "primary").props["aria-label"] = f"{remedy.text}: {item.headline}"

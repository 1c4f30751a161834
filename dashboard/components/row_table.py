"""A table whose rows stay, with the focus that is on one, for as long as the same things are in it."""

import uuid
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from dashboard.components.html import Text, box, scrolling


class Identified(Protocol):
    @property
    def id(self) -> uuid.UUID: ...


T = TypeVar("T", bound=Identified)


class RowTable(Generic[T]):
    """`draw` draws the row of one thing and returns what shows it anew. `most`: how many rows there are at most."""

    def __init__(
        self,
        caption: str,
        columns: Sequence[str],
        draw: Callable[[T], Callable[[T], None]],
        *,
        nothing: str = "",
        most: int = 100,
    ) -> None:
        self._draw, self._nothing, self._most = draw, nothing, most
        self._rows: dict[uuid.UUID, Callable[[T], None]] = {}
        with scrolling(), box("table", "plain stack middle"):
            Text("caption", caption, "visually-hidden")
            with box("thead"), box("tr"):
                for name in columns:
                    Text("th", name).props("scope=col")
                with box("th").props("scope=col"):
                    Text("span", "Actions", "visually-hidden")
            self._body = box("tbody")
        self._rest = Text("p", "", "under")

    def show(self, things: Sequence[T]) -> None:
        first, left = things[: self._most], len(things) - self._most
        if {thing.id for thing in first} != set(self._rows):
            self._body.clear()
            with self._body:
                self._rows = {thing.id: self._draw(thing) for thing in first}
        for thing in first:
            self._rows[thing.id](thing)
        self._rest.say(f"… and {left:,} more." if left > 0 else "" if things else self._nothing)
        self._rest.set_visibility(bool(self._rest.text))

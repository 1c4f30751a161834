"""A tile: one service, its state in a word, one number, one sentence, and its last hour."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.health import Status
from dashboard import design
from dashboard.components.html import Text, box
from dashboard.components.sparkline import Sparkline


@dataclass(frozen=True)
class Face:
    """What a tile shows. `series` are the values of its line, oldest first."""

    status: Status
    word: str
    number: str
    sentence: str
    series: Sequence[float | None] = ()


class Tile:
    def __init__(self, name: str) -> None:
        with box(classes="card tile") as card:
            card.props["role"], card.props["aria-label"] = "group", name
            with box(classes="n"):
                Text("span", name)
                self._word = Text("span", "…", "mute")
            self._number = Text("div", "–", "v")
            self._sentence = Text("div", "reading…", "w")
            self._line = Sparkline()

    def show(self, face: Face) -> None:
        tone = design.TONE[face.status]
        self._word.say(f"{design.ICON[face.status]} {face.word}")
        self._word.classes(replace=tone)
        self._number.say(face.number)
        self._sentence.say(face.sentence)
        self._line.show(face.series, tone)

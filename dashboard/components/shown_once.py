"""A secret that was just made: shown once, and gone from the page when its dialog is closed."""

from dashboard.components.forms import Dialog
from dashboard.components.html import Text, box


class ShownOnce:
    def __init__(self) -> None:
        self._dialog = Dialog("A secret", forgets=True)

    def open(self, title: str, secret: str, sentence: str) -> None:
        def draw() -> None:
            Text("p", sentence)
            Text("pre", secret, "secret").props('tabindex=0 role=group aria-label="The secret"')
            Text("p", "It is shown this once and stored nowhere.", "under")
            with box(classes="actions end"):
                self._dialog.cancel("I have kept it")

        self._dialog.open(title, draw)

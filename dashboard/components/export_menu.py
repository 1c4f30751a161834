"""The menu that hands over what a list shows, as a file."""

import uuid
from collections.abc import Mapping, Sequence

from dashboard.components.html import Text, box, link
from dashboard.urls import url


class ExportMenu:
    """`path` is that of the page: `/record` is exported as `/record.csv` and `/record.json`, with its filters."""

    def __init__(self, path: str, parameters: Mapping[str, object]) -> None:
        self._path, self._parameters = path, parameters
        self.element = Text("details", "", "menu")
        with self.element:
            self._name = Text("summary", "Export ▾", "btn")
            with box(classes="choices"):
                self._links = {kind: link(kind, self._address(kind), "btn").props("download") for kind in _KINDS}

    def choose(self, ids: Sequence[uuid.UUID]) -> None:
        """Hands over these rows; where there are none, all that the list shows."""
        self._name.say(f"Export {len(ids)} selected ▾" if ids else "Export ▾")
        for kind, element in self._links.items():
            element.props["href"] = self._address(kind, ids=",".join(map(str, ids)))

    def _address(self, kind: str, **more: object) -> str:
        return url(f"{self._path}.{kind.lower()}", **self._parameters, **more)


_KINDS = ("CSV", "JSON")

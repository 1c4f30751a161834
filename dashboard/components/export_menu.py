"""The menu that hands over what a list shows, as a file."""

from collections.abc import Mapping

from dashboard.components.html import Text, box, link
from dashboard.urls import url


def export_menu(path: str, parameters: Mapping[str, object]) -> Text:
    """`path` is that of the page: `/record` is exported as `/record.csv` and `/record.json`, with its filters."""
    menu = Text("details", "", "menu")
    with menu:
        Text("summary", "Export ▾", "btn")
        with box(classes="choices"):
            for kind in ("CSV", "JSON"):
                link(kind, url(f"{path}.{kind.lower()}", **parameters), "btn").props("download")
    return menu

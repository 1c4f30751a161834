"""The way through pages by key: the next one, and back to the first. The browser's own way back does the rest."""

from dashboard.components.html import Text, box, link


def pager(shown: str, *, first: str | None, following: tuple[str, str] | None) -> None:
    """`shown` says what is on this page.

    `first` is the address of the first page, when this is another; `following` is what the link to the next one says,
    and its address.
    """
    with box("nav", "pager").props('aria-label="Pages"'):
        Text("span", shown, "mute")
        if first:
            link("First page", first, "btn")
        if following:
            words, address = following
            link(words, address, "btn").props["rel"] = "next"

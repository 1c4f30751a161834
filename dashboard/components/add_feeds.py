"""Adding feeds by their addresses."""

from collections.abc import Awaitable, Callable

from core import feeds
from core.feeds import Added, Wanted
from dashboard import acting
from dashboard.components.forms import Dialog, Field
from dashboard.components.html import Text, box, button
from dashboard.notices import notice

# A list longer than this is a file, not a message.
SHOWN = 12


class AddFeeds:
    def __init__(self, dialog: Dialog, changed: Callable[[bool], Awaitable[None]]) -> None:
        self._dialog, self._changed = dialog, changed

    async def open(self) -> None:
        self._dialog.open("Add feeds", lambda: self._draw(""))

    def _draw(self, text: str) -> None:
        field = Field("Addresses, one a line", tag="textarea", value=text, placeholder="https://example.org/feed.xml")
        field.element.props["rows"], field.element.props["autofocus"] = 6, True
        Text("p", "Of a feed, or of a site that links to its feed. https:// is added where it is missing.", "under")
        with box(classes="actions end"):
            self._dialog.cancel()
            button("Add", lambda: self._add(field.value), "primary")

    async def _add(self, text: str) -> None:
        wanted = [Wanted(line.strip()) for line in text.splitlines() if line.strip()]
        added = await feeds.add(*await acting.queueing_to(), wanted, now=acting.now())
        if added.refused:
            again = "\n".join(refused.given for refused in added.refused)
            self._dialog.open("Add feeds", lambda: outcome(added), lambda: self._draw(again))
        else:
            self._dialog.close()
            notice(added.sentence, "positive" if added.created else "warning")
        if added.created:
            await self._changed(True)


def outcome(added: Added) -> None:
    """What became of each address."""
    Text("p", added.sentence, "" if added.created else "warn")
    lines = [(refused.given, refused.reason) for refused in added.refused]
    lines += [(address, "is there already.") for address in added.present]
    with box("ul", "outcome"):
        for address, reason in lines[:SHOWN]:
            with box("li"):
                Text("b", address)
                Text("span", reason)
    if len(lines) > SHOWN:
        Text("p", f"… and {len(lines) - SHOWN:,} more.", "under")

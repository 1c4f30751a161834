"""Adding feeds by their addresses."""

from collections.abc import Awaitable, Callable

from core import feeds
from core.feeds import Added, Wanted
from core.phrases import counted
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
            self._dialog.open("Add feeds", lambda: (outcome(added), self._draw(again)))
        else:
            self._dialog.close()
            notice(sentence(added), "positive" if added.created else "warning")
        if added.created:
            await self._changed(True)


def outcome(added: Added) -> None:
    """What became of each address."""
    Text("p", sentence(added), "" if added.created else "warn")
    lines = [(refused.given, refused.reason) for refused in added.refused]
    lines += [(address, "is there already.") for address in added.present]
    with box("ul", "outcome"):
        for address, reason in lines[:SHOWN]:
            with box("li"):
                Text("b", address)
                Text("span", reason)
    if len(lines) > SHOWN:
        Text("p", f"… and {len(lines) - SHOWN:,} more.", "under")


def sentence(added: Added) -> str:
    """`82 feeds added and queued; 3 were there already; 2 refused.`"""
    new, present, refused = len(added.created), len(added.present), len(added.refused)
    if not new and not refused and present == 1:
        return f"{added.present[0]} is there already."
    queued = " and queued" if new and added.crawls.accepted == new else ""
    parts = [f"{counted(new, 'feed')} added{queued}" if new else "No feed added"]
    if present:
        parts.append(f"{present:,} {'was' if present == 1 else 'were'} there already")
    if refused:
        parts.append(f"{refused:,} refused")
    if added.crawls.postponed:
        parts.append("Redis cannot be reached, so they are crawled when it is back")
    return "; ".join(parts) + "."

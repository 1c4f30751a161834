"""Importing feeds from the OPML file of another reader."""

from collections.abc import Awaitable, Callable

from nicegui import events, ui

from core import feeds
from core.errors import BadRequest
from core.feeds import Added, Wanted
from core.phrases import size
from core.pipeline import opml
from dashboard import acting
from dashboard.components.add_feeds import outcome
from dashboard.components.forms import Dialog
from dashboard.components.html import Text, box
from dashboard.notices import reported

# The largest export that was found, of thousands of feeds, has less than two million bytes.
MOST_BYTES = 5_000_000


class ImportFeeds:
    def __init__(self, dialog: Dialog, changed: Callable[[bool], Awaitable[None]]) -> None:
        self._dialog, self._changed = dialog, changed

    async def open(self) -> None:
        self._dialog.open("Import OPML", self._draw)

    def _draw(self) -> None:
        Text("p", "An OPML file lists feeds; every reader can export one. Feeds that are there already stay as they are.")
        # Quasar's own uploader stays out of sight: a button says better what is to be done.
        upload = ui.upload(
            auto_upload=True,
            max_file_size=MOST_BYTES,
            on_upload=self._received,
            on_rejected=lambda: self._refused(f"That file is larger than {size(MOST_BYTES)}."),
        ).props("accept=.opml,.xml,text/x-opml,text/xml,application/xml")
        upload.classes("unseen").props("aria-hidden=true")
        with box(classes="actions end"):
            self._dialog.cancel()
            choose = Text("button", "Choose a file…", "btn primary").props("type=button autofocus")
            choose.on("click", js_handler=f"() => getElement({upload.id}).pickFiles()")

    async def _received(self, event: events.UploadEventArguments) -> None:
        async with reported():
            if event.file.size() > MOST_BYTES:
                raise BadRequest(f"That file is larger than {size(MOST_BYTES)}.")
            wanted = [Wanted(feed.url, feed.title) for feed in opml.parse(await event.file.read())]
            added = await feeds.add(*await acting.queueing_to(), wanted, now=acting.now())
            self._dialog.open("Import OPML", lambda: self._result(added))
            if added.created:
                await self._changed(True)

    def _result(self, added: Added) -> None:
        outcome(added)
        with box(classes="actions end"):
            self._dialog.cancel("Close")

    def _refused(self, reason: str) -> None:
        self._dialog.open("Import OPML", lambda: (Text("p", reason, "bad"), self._draw()))

"""Importing feeds from the OPML file of another reader."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from nicegui import events, ui

from core import feeds
from core.errors import BadRequest
from core.feeds import Added, Crawls, Refused, Wanted
from core.phrases import size
from core.pipeline import opml
from core.pipeline.opml import LARGEST_FILE
from dashboard import acting
from dashboard.components.add_feeds import outcome
from dashboard.components.forms import Dialog
from dashboard.components.html import Text, box
from dashboard.notices import reported


class ImportFeeds:
    def __init__(self, dialog: Dialog, changed: Callable[[bool], Awaitable[None]]) -> None:
        self._dialog, self._changed = dialog, changed

    async def open(self) -> None:
        self._dialog.open("Import OPML", self._draw)

    def _draw(self) -> None:
        Text(
            "p", "An OPML file lists feeds; every reader can export one. Feeds that are there already stay as they are."
        )
        # Quasar's own uploader stays out of sight: a button says better what is to be done.
        upload = ui.upload(
            auto_upload=True,
            max_file_size=LARGEST_FILE,
            on_upload=self._received,
            on_rejected=lambda: self._refused(f"That file is larger than {size(LARGEST_FILE)}."),
        ).props("accept=.opml,.xml,text/x-opml,text/xml,application/xml")
        upload.classes("unseen").props("aria-hidden=true")
        with box(classes="actions end"):
            self._dialog.cancel()
            choose = Text("button", "Choose a file…", "btn primary").props("type=button autofocus")
            choose.on("click", js_handler=f"() => runMethod({upload.id}, 'pickFiles', [])")

    async def _received(self, event: events.UploadEventArguments) -> None:
        async with reported():
            if event.file.size() > LARGEST_FILE:
                # Before it is read into memory.
                raise BadRequest(f"That file is larger than {size(LARGEST_FILE)}.")
            added = await _import(await event.file.read())
            self._dialog.open("Import OPML", lambda: self._result(added))
            if added.created:
                await self._changed(True)

    def _result(self, added: Added) -> None:
        outcome(added)
        with box(classes="actions end"):
            self._dialog.cancel("Close")

    def _refused(self, reason: str) -> None:
        self._dialog.open("Import OPML", lambda: _sentence(reason), self._draw)


async def _import(body: bytes) -> Added:
    """Raises BadRequest for what is no OPML, and what adding raises."""
    found = await asyncio.to_thread(opml.read, body)
    wanted = [Wanted(outline.url, outline.title) for outline in found.outlines]
    if not wanted and not found.faults:
        raise BadRequest("There is no feed in that file.")
    faults = tuple(Refused(fault.text, fault.reason) for fault in found.faults)
    if not wanted:
        return Added((), (), faults, Crawls())
    added = await feeds.add(*await acting.queueing_to(), wanted, now=acting.now())
    return replace(added, refused=(*added.refused, *faults))


def _sentence(reason: str) -> None:
    Text("p", reason, "bad")

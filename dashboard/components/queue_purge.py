"""The button in the row of a queue that deletes what it has not begun, once its name is typed."""

from core import purging
from core.queues import QueueDepth
from dashboard import acting
from dashboard.components.forms import Dialog, Field
from dashboard.components.html import Text, box, button
from dashboard.context import context
from dashboard.notices import notice


class QueuePurge:
    def __init__(self) -> None:
        self._dialog = Dialog("Purge a queue")

    def draw(self, queue: str) -> None:
        """The button of that queue, here."""
        element = button("Purge…", lambda: self._ask(queue), "small danger", command=f"Purge queue {queue}")
        element.props["aria-label"] = f"Purge queue {queue}"

    async def _ask(self, queue: str) -> None:
        depth = await purging.at_stake(context().redis, queue, acting.now())
        self._dialog.open(f"Purge the queue {queue}?", lambda: self._confirm(depth))

    def _confirm(self, depth: QueueDepth) -> None:
        Text("p", purging.question(depth))
        Text("p", purging.COMES_BACK, "under")
        typed = Field(f"Type {depth.name} to confirm")
        typed.element.props["autocomplete"] = "off"
        with box(classes="actions end"):
            self._dialog.cancel()
            button("Purge", lambda: self._purge(depth.name, typed.value), "danger")

    async def _purge(self, queue: str, typed: str) -> None:
        purged = await purging.purge_queue(*await acting.queueing_to(), queue, confirm=typed.strip())
        self._dialog.close()
        notice(purging.answer(queue, purged))

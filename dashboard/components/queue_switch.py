"""The button in the row of a queue that pauses and resumes it."""

from collections.abc import Sequence

from core.pausing import pause_queue, resume_queue
from core.queues import QueueDepth
from core.reading import Reading
from dashboard import acting
from dashboard.components.html import Text, button
from dashboard.notices import notice


class QueueSwitches:
    def __init__(self) -> None:
        self._buttons: dict[str, Text] = {}
        self._paused: dict[str, bool] = {}

    def draw(self, queue: str) -> None:
        """The button of that queue, here. It can be used as soon as it is known what it would do."""
        self._buttons[queue] = button("Pause", lambda: self._switch(queue), "small")
        self._buttons[queue].set_visibility(False)

    def show(self, queues: Reading[Sequence[QueueDepth]]) -> None:
        known = {queue.name: queue.paused for queue in queues.value or ()} if queues.ok else {}
        for name, element in self._buttons.items():
            element.set_visibility(name in known)
            if name in known:
                self._say(name, paused=known[name])

    def _say(self, queue: str, *, paused: bool) -> None:
        self._paused[queue] = paused
        verb = "Resume" if paused else "Pause"
        element = self._buttons[queue]
        if element.text != verb or "aria-label" not in element.props:
            element.say(verb)
            element.props["aria-label"] = element.props["data-command"] = f"{verb} queue {queue}"
            element.classes(replace="btn small primary" if paused else "btn small")

    async def _switch(self, queue: str) -> None:
        if self._paused[queue]:
            await resume_queue(*await acting.queueing_to(), queue)
            notice(f"The queue {queue} is open: its jobs start again.")
        else:
            await pause_queue(*await acting.queueing_to(), queue)
            notice(f"The queue {queue} is paused: running jobs finish, and nothing new starts.", "warning")
        self._say(queue, paused=not self._paused[queue])

"""Worker processes, one a row."""

from collections.abc import Sequence
from functools import partial

from core.access import Action
from core.queues import WorkerBeat
from core.worker_verbs import Verb, ask
from dashboard import acting
from dashboard.components.html import Text, age, box, button, set_age
from dashboard.notices import notice

COLUMNS = ("Worker", "State", "Busy", "Memory", "Age", "Heard")
# From here on its memory is worth a look: a little more, and it is replaced.
NEARLY_FULL = 0.85


class WorkerTable:
    """Rows stay while the same workers are alive."""

    def __init__(self) -> None:
        self._body = box()
        self._rows: dict[str, _Row] = {}

    def show(self, beats: Sequence[WorkerBeat]) -> None:
        if [beat.name for beat in beats] != list(self._rows):
            self._draw(beats)
        for beat in beats:
            self._rows[beat.name].show(beat)

    def _draw(self, beats: Sequence[WorkerBeat]) -> None:
        self._body.clear()
        with self._body, box("table", "plain stack").mark("workers"):
            Text("caption", "Workers", "visually-hidden")
            with box("thead"), box("tr"):
                for name in COLUMNS:
                    Text("th", name).props("scope=col")
                if acting.allowed(Action.DRAIN_WORKER):
                    with box("th").props("scope=col"):
                        Text("span", "Actions", "visually-hidden")
            with box("tbody"):
                self._rows = {beat.name: _Row(beat) for beat in beats}


class _Row:
    def __init__(self, beat: WorkerBeat) -> None:
        self._beat = beat
        self._switch: Text | None = None
        with box("tr"):
            with box("td", "what"):
                Text("b", beat.host)
                Text("div", f"process {beat.pid}", "under")
            self._state = Text("td")
            self._busy, self._memory = Text("td", "", "soft-wide"), Text("td")
            self._busy.props("data-label=busy")
            self._memory.props("data-label=memory")
            with box("td", "soft-wide").props("data-label=age"):
                age(beat.started_at)
            with box("td", "soft-wide").props("data-label=heard"):
                self._seen = age(beat.seen_at, suffix=" ago")
            if acting.allowed(Action.DRAIN_WORKER):
                with box("td", "r acts"):
                    self._switch = button("Drain", self._turn, "small")
                    recycle = button("Recycle", partial(self._ask, Verb.RECYCLE), "small")
                    recycle.props["aria-label"] = f"Recycle {beat.name}"

    def show(self, beat: WorkerBeat) -> None:
        self._beat = beat
        if self._switch is not None:
            verb = "Resume" if beat.drained else "Drain"
            self._switch.say(verb)
            self._switch.props["aria-label"] = f"{verb} {beat.name}"
        word, tone = state(beat)
        self._state.say(word)
        self._state.classes(replace=tone)
        self._busy.say(f"{beat.busy} of {beat.slots}")
        words, tone = memory(beat)
        self._memory.say(words)
        self._memory.classes(replace=f"soft-wide {tone}")
        set_age(self._seen, beat.seen_at)

    async def _turn(self) -> None:
        await self._ask(Verb.RESUME if self._beat.drained else Verb.DRAIN)

    async def _ask(self, verb: Verb) -> None:
        notice(await ask(*await acting.queueing_to(), self._beat.name, verb=verb))


def state(beat: WorkerBeat) -> tuple[str, str]:
    """Word with icon, and tone."""
    match beat.state:
        case "draining":
            return "◔ draining", "warn"
        case "drained":
            return "○ drained", "warn"
        case word:
            return f"● {word}", "ok"


def memory(beat: WorkerBeat) -> tuple[str, str]:
    """`142 of 256 MB`, and tone."""
    if beat.memory_limit_mb is None:
        return f"{beat.memory_mb:.0f} MB", ""
    tone = "warn" if beat.memory_mb >= NEARLY_FULL * beat.memory_limit_mb else ""
    return f"{beat.memory_mb:.0f} of {beat.memory_limit_mb:.0f} MB", tone

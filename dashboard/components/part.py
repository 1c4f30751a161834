"""A part of a page that is read from a server: loading, shown, or failing and tried again."""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

from nicegui import background_tasks

from core.errors import SignalistError, Unavailable
from core.reading import Reading
from core.readings import Readings
from core.snapshot import Snapshot
from dashboard.components.html import Text, age, box, set_age
from dashboard.phrasing import clock
from dashboard.shell import Frame

# What is there within this time is part of the page as it arrives; for what is not, a skeleton arrives first.
PROMPT_S = 0.5
# A change is shown this long after the last reading at the soonest: a busy pipeline changes something at every poll.
CALM = dt.timedelta(seconds=4)

T = TypeVar("T")


class Part(Generic[T]):
    """`read` asks the server, `draw` shows what it said in an empty box.

    `update` shows it in place of what is drawn already and says whether that was possible; if not, or without one,
    everything is drawn anew. A failure is a sentence with its time, beside what was known before, and it is tried
    again when that server answers; what no repetition heals waits for the reader.
    """

    def __init__(
        self,
        frame: Frame,
        read: Callable[[], Awaitable[T]],
        draw: Callable[[T], None],
        update: Callable[[T], bool] | None = None,
    ) -> None:
        self._client, self._read, self._draw, self._update = frame.client, read, draw, update
        self._banner = box(classes="banner warn").props("role=status").mark("banner")
        with self._banner:
            self._sentence = Text("span")
            self._read_ago = age(None, prefix=" What is below was read ", suffix=" ago.", tag="span", unknown="")
        self._banner.set_visibility(False)
        self._body = box().props("aria-live=off")
        self._at: dt.datetime | None = None
        self._failing: str = ""
        self._heals = False
        self._task: asyncio.Task[None] | None = None
        self._drawn, self._anew = False, False
        with self._body:
            _skeleton()

    async def open(self) -> None:
        """To be awaited at the end of the page function: the page arrives with this part, or with a skeleton."""
        reading = self._start()
        await asyncio.wait({reading}, timeout=PROMPT_S)
        if not reading.done():
            await self._client.connected()
            await asyncio.wait({reading})

    async def again(self, *, anew: bool = True) -> None:
        """Reads again after something that the reader did, and draws anew or updates what is there."""
        if self._task is not None and not self._task.done():
            # It may have read before that was done.
            await asyncio.wait({self._task})
        self._anew = anew
        await asyncio.wait({self._start()})

    def follow(
        self,
        frame: Frame,
        sign: Callable[[Snapshot], object],
        server: Callable[[Readings], Reading[Any]] = lambda readings: readings.database,
    ) -> None:
        """Reads again when `sign` of the snapshot changes, and when the server that it comes from is back."""
        seen: list[object] = []

        def look(snapshot: Snapshot) -> None:
            reading = server(snapshot.readings)
            if not reading.ok:
                self._fail(reading.problem("The server"), reading.failing_since or snapshot.at, heals=True)
                return
            now = sign(snapshot)
            changed = bool(seen) and seen[0] != now
            rested = self._at is None or snapshot.at - self._at >= CALM
            if rested and (changed or (self._failing and self._heals)):
                seen[:] = [now]
                self._start()
            elif not seen:
                seen.append(now)

        frame.follow(look)

    def _start(self) -> asyncio.Task[None]:
        """The reading that is under way, or a new one."""
        if self._task is None or self._task.done():
            self._task = background_tasks.create(self._run(), name="read a part of a page", context=self._body)
        return self._task

    async def _run(self) -> None:
        started = dt.datetime.now(dt.UTC)
        try:
            value = await self._read()
        except SignalistError as error:
            if not self._body.is_deleted:
                self._at = started
                self._fail(str(error), started, heals=isinstance(error, Unavailable))
            return
        except Exception:
            if not self._body.is_deleted:
                self._fail("This cannot be shown: a mistake of ours, and the log says which.", started, heals=False)
            raise
        if self._body.is_deleted:
            return
        self._at, self._failing = started, ""
        self._banner.set_visibility(False)
        if self._drawn and not self._anew and self._update is not None and self._update(value):
            return
        self._body.clear()
        with self._body:
            self._draw(value)
        self._drawn, self._anew = True, False

    def _fail(self, sentence: str, since: dt.datetime, *, heals: bool) -> None:
        if self._failing == sentence:
            return
        self._failing, self._heals = sentence, heals
        if self._drawn:
            self._sentence.say(f"{sentence} Since {clock(since)}.")
            set_age(self._read_ago, self._at)
            self._banner.set_visibility(True)
            return
        self._body.clear()
        with self._body, box("section", "card blank"):
            Text("h2", sentence)
            waits = "It is tried again by itself, every few seconds." if heals else "Reload the page to try again."
            Text("p", f"Since {clock(since)}. {waits}", "mute")


def _skeleton() -> None:
    with box("section", "card").props('aria-busy=true aria-label="Reading"'):
        for width in ("38%", "72%", "64%", "70%", "52%"):
            box(classes="bone").style(f"width:{width}")

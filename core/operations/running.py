"""What a step has in its hands while it runs: the plan, a log, a progress bar, and the wish of a person to stop."""

import asyncio
import contextlib
import os
import secrets
import socket
import time
import uuid
from typing import Any, Literal

import structlog

from core.db import Database
from core.errors import SignalistError
from core.operations.states import State
from core.queries import operation_lines, operations
from core.queries.operation_lines import Level
from core.queries.operations import OperationRow
from core.redaction import redact

log = structlog.get_logger(__name__)
Wish = Literal["", "cancel", "pause"]

# Progress is written this often: as often as a page looks.
PROGRESS_EVERY_S = 1.0


def runner_name() -> str:
    """A name for one hold on one operation, which no other ever has: `host, process 4711, a1b2`."""
    return f"{socket.gethostname()}, process {os.getpid()}, {secrets.token_hex(2)}"


class Stopped(SignalistError):
    """A person asked for the operation to stop."""


class LeaseLost(SignalistError):
    """Another worker has taken the operation over, or it was cancelled before it began."""


class Run:
    """One worker's hold on one operation. What it writes is refused once another worker has taken over."""

    def __init__(self, database: Database, row: OperationRow, runner: str) -> None:
        self.database = database
        self.row = row
        self.runner = runner
        self.result: dict[str, Any] = dict(row.result)
        self.wish: Wish = ""
        self.committed = False
        """Past the point of no return: a wish to stop is not heeded any more."""
        self._wished = asyncio.Event()
        self._written = 0.0

    @property
    def id(self) -> uuid.UUID:
        return self.row.id

    def wish_for(self, wish: Wish) -> None:
        """Somebody wants it to stop."""
        self.wish = wish
        if wish:
            self._wished.set()

    def check(self) -> None:
        """Raises Stopped when a person wants that and it is still possible: to be called wherever a step may end."""
        # A pause that was wished for at the last moment comes too late; a cancel does not.
        if not self.committed and (self.wish == "cancel" or (self.wish and self.row.state is State.RUNNING)):
            raise Stopped

    async def pause(self, seconds: float) -> None:
        """Waits, but not longer than until a person wants it to stop: then raises Stopped."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.check()
            self._wished.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wished.wait(), left)
        self.check()

    async def say(self, text: str, level: Level = "info") -> None:
        """Appends a line to the log of the operation."""
        text = redact(text)
        log.info(text, kind=self.row.kind)
        async with self.database.session() as session:
            await operation_lines.add(session, self.id, [(level, text)])

    async def progress(self, fraction: float | None, note: str) -> None:
        """How far the step is, 0 to 1 (None: not known), and what it is doing. Not written more than once a second."""
        now = time.monotonic()
        if now - self._written >= PROGRESS_EVERY_S:
            self._written = now
            await self.write(progress=fraction, note=note)

    async def keep(self, **values: Any) -> None:
        """Remembers JSON values for later steps, whichever worker takes them, and for the reader."""
        self.result |= values
        await self.write(result=self.result)

    async def write(self, **values: Any) -> None:
        """Writes fields of the row; what is said in them is said without secrets. Raises LeaseLost."""
        values = {name: redact(value) if isinstance(value, str) else value for name, value in values.items()}
        async with self.database.session() as session:
            if not await operations.report(session, self.id, self.runner, **values):
                raise LeaseLost

    async def move(self, state: State, **values: Any) -> None:
        """Moves the operation to another state. Raises LeaseLost."""
        await self.write(state=state.value, **values)
        await self.reload()

    async def reload(self) -> None:
        async with self.database.session() as session:
            found = await operations.get(session, self.id)
        if found is None:
            raise LeaseLost
        self.row = found

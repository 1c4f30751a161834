"""A statement that may take hours: on a connection of its own, in a thread of its own, followed from outside.

The thread is a daemon and the server is told not to look after its client: when the worker dies the statement goes on,
and the worker that takes over follows it to its end. Cancelling ends it on the server.
"""

import asyncio
import datetime as dt
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import partial

import psycopg

from core.db import plain, refusal
from core.errors import SignalistError
from core.operations.running import Run, Stopped
from core.phrases import duration, listed
from core.queries import backends
from core.queries.operations import HELD_UP_BY

LOOK_EVERY_S = 0.5
# A wait shorter than this is nothing to worry anybody with.
BLOCKED_AFTER_S = 3.0

Watch = Callable[[], Awaitable[tuple[float | None, str]]]


def application(run: Run) -> str:
    """The name under which the server knows this operation."""
    return f"signalist-operation-{run.id.hex[:12]}"


async def running(run: Run) -> tuple[int, ...]:
    """The sessions in which this operation has something running, also of a worker that is gone."""
    # As the owner, who runs it: another role may not see what the session of the owner does.
    async with run.database.owner_session() as session:
        return await backends.called(session, application(run))


async def execute(run: Run, statement: str, settings: Sequence[str] = (), watch: Watch | None = None) -> None:
    """Runs it outside of any transaction and follows it. What the server says meanwhile goes into the log.

    Raises Stopped when a person wants that: the statement is cancelled first. StatementFailed, DatabaseUnavailable.
    """
    await run.say(f"{statement};")
    notices: list[str] = []
    work = partial(_run, run.database.owner_url, application(run), [*settings, statement], notices)
    try:
        await follow(run, work, watch)
    finally:
        for notice in notices:
            await run.say(notice, "warning")


async def follow(run: Run, work: Callable[[], None], watch: Watch | None = None) -> None:
    """Runs `work`, which blocks, in a thread that does not keep the process from ending, and follows its session.

    Raises what it raises, and Stopped when a person wants that: what the session runs is cancelled first.
    """
    outcome = _start(application(run), work)
    await _follow(run, watch, outcome.done)
    outcome.result()
    await _forget_blockers(run)


async def adopt(run: Run, watch: Watch | None = None) -> None:
    """Follows what another worker has begun until it has ended, somehow."""
    await run.say("What the other worker began still runs on the server: following it.")
    gone = False

    async def look() -> tuple[float | None, str]:
        nonlocal gone
        gone = not await running(run)
        return await watch() if watch else (None, "")

    await _follow(run, look, lambda: gone)
    await _forget_blockers(run)


async def ended(run: Run) -> None:
    """Waits until this operation has nothing running on the server any more."""
    while await running(run):  # noqa: ASYNC110 - what happens on the server tells nobody
        await asyncio.sleep(LOOK_EVERY_S)


async def cancel(run: Run) -> None:
    """Ends whatever this operation has running on the server, and waits until it has."""
    deadline = time.monotonic() + 30
    while (pids := await running(run)) and time.monotonic() < deadline:
        async with run.database.owner_session() as session:
            await backends.cancel(session, pids)
        await asyncio.sleep(LOOK_EVERY_S)
    if pids:
        async with run.database.owner_session() as session:
            await backends.terminate(session, pids)


async def _follow(run: Run, watch: Watch | None, ended: Callable[[], bool]) -> None:
    while not ended():
        try:
            await run.pause(LOOK_EVERY_S)
        except Stopped:
            await cancel(run)
            with suppress(SignalistError):
                await _forget_blockers(run)
            raise
        if watch is not None:
            await run.progress(*await watch())
        await _name_blockers(run)


async def _name_blockers(run: Run) -> None:
    """Says once who holds it up, and what to do about it; the pages show it for as long as it lasts."""
    async with run.database.session() as session:
        pids = await backends.called(session, application(run))
        found = [backend for pid in pids for backend in await backends.blocking(session, pid)]
    waiting = {str(backend.pid): backend for backend in found if backend.seconds > BLOCKED_AFTER_S}
    named = run.result.get(HELD_UP_BY, {})
    # What has given up waiting, and will be tried again, got past nobody.
    if waiting.keys() == named.keys() or not pids:
        return
    if fresh := [backend for pid, backend in waiting.items() if pid not in named]:
        who = listed([f"{b.words}, since {duration(b.seconds)}: {b.query}" for b in fresh])
        await run.say(f"Waits for {who}. `select pg_terminate_backend({fresh[0].pid})` ends it.", "warning")
    elif not waiting:
        await run.say("Nobody is in the way any more.")
    await run.keep(**{HELD_UP_BY: {pid: backend.words for pid, backend in waiting.items()}})


async def _forget_blockers(run: Run) -> None:
    if run.result.get(HELD_UP_BY):
        await run.keep(**{HELD_UP_BY: {}})


def _start(name: str, work: Callable[[], None]) -> Future[None]:
    outcome: Future[None] = Future()

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - whatever it was, the one who waits must hear it
            outcome.set_exception(_ours(error))
        else:
            outcome.set_result(None)

    threading.Thread(target=run, name=name, daemon=True).start()
    return outcome


def _run(url: str, name: str, statements: Sequence[str], notices: list[str]) -> None:
    with psycopg.connect(plain(url), autocommit=True, connect_timeout=3, application_name=name) as connection:
        connection.add_notice_handler(lambda diagnostic: notices.append(_words(diagnostic)))
        connection.execute("set client_connection_check_interval = 0")
        for statement in statements:
            connection.execute(statement.encode())


def _words(diagnostic: psycopg.errors.Diagnostic) -> str:
    parts = (diagnostic.message_primary, diagnostic.message_detail, diagnostic.message_hint)
    return f"{(diagnostic.severity or 'notice').capitalize()}: {'. '.join(filter(None, parts))}"


def _ours(error: BaseException) -> BaseException:
    return refusal(error) if isinstance(error, psycopg.Error) else error


OLD_TRANSACTION = dt.timedelta(seconds=30)


async def warn_of_old_transactions(run: Run) -> None:
    """Says who a concurrent statement will have to wait for."""
    async with run.database.session() as session:
        old = await backends.in_old_transactions(session, OLD_TRANSACTION)
    for backend in old:
        await run.say(
            f"{backend.words} has been in a transaction for {duration(backend.seconds)}; a concurrent statement waits "
            "until it ends.",
            "warning",
        )

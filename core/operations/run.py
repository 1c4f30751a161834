"""Running an approved operation, through whatever happens to its worker, to Postgres, or to the mind of its owner.

Every step is written down before it begins and after it ended. Whoever takes over begins with the first step that did
not end; each step looks at the world before it acts, so that entering it twice does nothing twice. A lease keeps two
workers from holding one operation: it is renewed every few seconds, and what its old holder writes is refused.
"""

import asyncio
import datetime as dt
import uuid

import structlog
from structlog.contextvars import bound_contextvars

from core.errors import SignalistError, Unavailable
from core.operations.kind import Kind, Step, Undone, World
from core.operations.kinds import KINDS
from core.operations.plan import changes, plan_hash
from core.operations.running import LeaseLost, Run, Stopped, Wish
from core.operations.states import State
from core.phrases import duration
from core.queries import operations
from core.queries.operations import OperationRow

log = structlog.get_logger(__name__)

# A worker that does not renew for this long is taken for dead. Seven renewals fit: a slow answer is no death.
LEASE = dt.timedelta(seconds=15)
RENEW_EVERY_S = 2.0
# Postgres or Redis may be away for this long in the middle of a step, and this often, before it is given up.
AWAY_S = 600.0
AWAY_TIMES = 5
LOOK_AGAIN_S = 1.0


async def run_operation(world: World, operation_id: uuid.UUID, runner: str) -> None:
    """Runs the operation to its end, whatever that is; returns at once when it is not to be run.

    `runner` names this call, and no other one ever. Raises Unavailable when Postgres stays away. Cancelled, because
    this worker is to stop, it lets go, and another worker goes on.
    """
    row = await _claim(world, operation_id, runner)
    if row is None:
        return
    run = Run(world.database, row, runner)
    run.wish_for(_WISHES.get(row.stop or "", ""))
    # Every line that is logged on behalf of it says so, by whatever library.
    with bound_contextvars(operation=str(operation_id)):
        work = asyncio.create_task(_drive(world, KINDS[row.kind], run), name=f"operation {operation_id}")
        keeper = asyncio.create_task(_keep_hold(run), name=f"hold operation {operation_id}")
    try:
        await asyncio.wait({work, keeper}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            log.warning("Another worker has taken the operation over.", operation=str(operation_id))
            return
        await work
    except LeaseLost as lost:
        log.warning(str(lost), operation=str(operation_id))
    finally:
        keeper.cancel()
        if not work.done():
            work.cancel()
            await asyncio.wait({work})
            await _let_go(run)


async def _claim(world: World, operation_id: uuid.UUID, runner: str) -> OperationRow | None:
    """Waits out the lease of a worker that may be dead; one that is alive renews it, and keeps the operation."""
    waited = 0.0
    while True:
        async with world.database.session() as session:
            row = await operations.claim(session, operation_id, runner, LEASE)
            left = None if row else await operations.lease_left(session, operation_id)
        if row is not None or left is None or waited > LEASE.total_seconds():
            return row
        await asyncio.sleep(left + 0.2)
        waited += left + 0.2


async def _keep_hold(run: Run) -> None:
    """Renews the lease and hears what people want; returns when the operation is not ours any more.

    While Postgres is away nobody else can take over, so there is no hurry to let go.
    """
    while True:
        await asyncio.sleep(RENEW_EVERY_S)
        try:
            async with run.database.session() as session:
                wish = await operations.hold(session, run.id, run.runner, LEASE)
                ended = wish is None and await operations.ended_with(session, run.id, run.runner)
        except Unavailable:
            continue
        if ended:
            await asyncio.Event().wait()
        if wish is None:
            return
        run.wish_for(_WISHES.get(wish, ""))


_WISHES: dict[str, Wish] = {"cancel": "cancel", "pause": "pause"}


async def _let_go(run: Run) -> None:
    try:
        async with run.database.session() as session:
            await operations.release(session, run.id, run.runner)
    except SignalistError:
        # The lease lapses by itself.
        log.warning("The operation could not be handed back at once.", operation=str(run.id))


async def _drive(world: World, kind: Kind, run: Run) -> None:
    """From the state in which it was found to the end."""
    if run.row.takeovers and run.row.state is not State.APPROVED:
        await run.say(f"Taken over by another worker, at the step {run.row.step or 'before the first'}.", "warning")
    away = 0
    while True:
        try:
            match run.row.state:
                case State.APPROVED:
                    await _begin(world, kind, run)
                case State.RUNNING | State.VERIFYING:
                    await _go_forward(world, kind, run)
                case State.ROLLING_BACK:
                    await _go_back(world, kind, run)
                case _:
                    return
        except Unavailable as error:
            away += 1
            await _until_back(run, error)
            if away >= AWAY_TIMES and run.row.state in {State.RUNNING, State.VERIFYING}:
                await _give_up(run, f"Given up after {away} interruptions, the last one: {error}")


async def _until_back(run: Run, error: Unavailable) -> None:
    """Waits until Postgres answers again. Raises the error when it does not."""
    log.warning("A server is away; the operation waits.", operation=str(run.id), error=str(error))
    started = asyncio.get_running_loop().time()
    while True:
        await asyncio.sleep(LOOK_AGAIN_S)
        waited = asyncio.get_running_loop().time() - started
        try:
            await run.reload()
            await run.say(f"{error} It answers again after {duration(waited)}; going on with this step.", "warning")
        except Unavailable:
            if waited > AWAY_S:
                raise error from None
        else:
            return


async def _begin(world: World, kind: Kind, run: Run) -> None:
    """Nothing is run that was planned for another world."""
    if run.wish == "cancel":
        await run.move(State.CANCELLED, ended_at=_now(), outcome="Cancelled before it began.")
        return
    row = run.row
    try:
        explored = await kind.explore(world, row.parameters)
        plan = kind.plan(row.parameters, explored)
    except Unavailable:
        raise
    except SignalistError as error:
        await run.move(State.WITHDRAWN, ended_at=_now(), outcome=f"Not begun: {error}")
        return
    if plan_hash(row.kind, row.parameters, explored.matters, plan) != row.plan_hash:
        found = "; ".join(changes(row.matters, explored.matters)) or "the statements are not those that were approved"
        await run.move(State.WITHDRAWN, ended_at=_now(), outcome=f"Not begun, since the world has changed: {found}.")
        await run.say(run.row.outcome or "", "error")
        return
    await run.move(State.RUNNING)
    await run.say(f"{row.title}: begun by {run.runner}.")


async def _go_forward(world: World, kind: Kind, run: Run) -> None:
    """The steps that have not ended, one after the other."""
    steps = kind.steps(world, run.row)
    run.committed = any(step.final for step in steps if step.name in _begun(run.row))
    try:
        for step in steps:
            if step.name in run.row.ended:
                continue
            run.check()
            if step.proof and run.row.state is State.RUNNING:
                await run.move(State.VERIFYING)
            await _take(run, step)
        outcome = await kind.outcome(world, run)
        if run.row.state is State.RUNNING:
            await run.move(State.VERIFYING)
        if run.wish:
            await run.say("It was too late to stop: the new state was in use already.", "warning")
        await run.say(outcome)
        await run.move(State.DONE, ended_at=_now(), progress=1.0, note=None, outcome=outcome, lease_until=None)
    except Unavailable:
        raise
    except Stopped:
        await _stop(kind, run)
    except LeaseLost:
        raise
    except SignalistError as error:
        await _give_up(run, str(error))
    except Exception as error:
        log.exception("A step failed for a reason that nobody thought of.", operation=str(run.id))
        await _give_up(run, f"{type(error).__name__}: {error}")


def _begun(row: OperationRow) -> set[str]:
    return {step.name for step in row.steps}


async def _take(run: Run, step: Step) -> None:
    await _note(run, step.name, ended=False)
    if step.final:
        run.committed = True
    await run.say(f"{step.name}.")
    await step.act(run)
    await _note(run, step.name, ended=True)


async def _note(run: Run, name: str, *, ended: bool) -> None:
    """Writes down that a step begins, or has ended."""
    now = _now().isoformat()
    known = [
        {
            "name": s.name,
            "started_at": s.started_at.isoformat(),
            "ended_at": s.ended_at.isoformat() if s.ended_at else None,
        }
        for s in run.row.steps
    ]
    if ended:
        known = [s | {"ended_at": now} if s["name"] == name else s for s in known]
        await run.write(steps=known, progress=1.0, note=None)
    else:
        if name not in _begun(run.row):
            known.append({"name": name, "started_at": now, "ended_at": None})
        await run.write(steps=known, step=name, progress=None, note=None)
    await run.reload()


async def _stop(kind: Kind, run: Run) -> None:
    """A person wanted it to stop."""
    await run.reload()
    who = run.row.stop_by or "somebody"
    # By the row: who wished for a pause may have cancelled it since.
    if run.row.stop == "pause" and kind.can_pause and run.row.state is State.RUNNING:
        await run.say(f"Paused by {who}.")
        run.wish_for("")
        await run.move(State.PAUSED, stop=None, stop_by=None, lease_until=None, note=f"paused by {who}")
        return
    await run.say(f"Cancelled by {who}: going back, as the plan says.", "warning")
    await run.move(State.ROLLING_BACK, outcome=f"Cancelled by {who}.", progress=None, note=None)


async def _give_up(run: Run, reason: str) -> None:
    """Back, or where there is no way back, to the end with what is left said."""
    await run.say(reason, "error")
    if run.committed:
        if run.row.state is State.RUNNING:
            await run.move(State.VERIFYING)
        await run.move(State.FAILED, ended_at=_now(), outcome=reason, lease_until=None)
    else:
        await run.move(State.ROLLING_BACK, outcome=reason, progress=None, note=None)


async def _go_back(world: World, kind: Kind, run: Run) -> None:
    # What was wished for has been heard: the way back is not cut short.
    run.committed = True
    reason = run.row.outcome or "It failed."
    cancelled = run.row.stop == "cancel"
    try:
        undone = await kind.roll_back(world, run)
    except (Unavailable, LeaseLost):
        raise
    except Exception as error:
        log.exception("A way back failed.", operation=str(run.id))
        undone = Undone(left=f"the way back failed too: {error}")
    if undone.left:
        await run.say(f"Left behind: {undone.left}", "error")
        await run.move(State.FAILED, ended_at=_now(), outcome=f"{reason} Left behind: {undone.left}", lease_until=None)
        return
    await run.say(undone.stays or "Undone: nothing is left behind.")
    state = State.CANCELLED if cancelled else State.FAILED if undone.stays else State.ROLLED_BACK
    outcome = f"{reason} {undone.stays}" if undone.stays else reason
    await run.move(state, ended_at=_now(), outcome=outcome, lease_until=None)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)

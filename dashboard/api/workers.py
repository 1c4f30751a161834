"""`/workers`: the processes that run the jobs, draining them and replacing them."""

from fastapi import APIRouter

from core.queues import WorkerBeat, worker_beats
from core.worker_verbs import Verb, ask
from dashboard.api.access import Viewer, WorkerDrainer
from dashboard.context import context

router = APIRouter(prefix="/workers", tags=["workers"])


@router.get("", summary="The worker processes that are alive, with what they run")
async def list_workers(_user: Viewer) -> tuple[WorkerBeat, ...]:
    return await worker_beats(context().redis)


@router.post("/{name}/drain", status_code=204, summary="Let a worker take no new jobs until it is resumed")
async def drain(name: str, user: WorkerDrainer) -> None:
    await ask(context().database, context().redis, user, "api", name, verb=Verb.DRAIN)


@router.post("/{name}/resume", status_code=204, summary="Let a drained worker take jobs again")
async def resume(name: str, user: WorkerDrainer) -> None:
    await ask(context().database, context().redis, user, "api", name, verb=Verb.RESUME)


@router.post(
    "/{name}/recycle", status_code=204, summary="Let a worker finish what it runs and make place for a fresh one"
)
async def recycle(name: str, user: WorkerDrainer) -> None:
    await ask(context().database, context().redis, user, "api", name, verb=Verb.RECYCLE)

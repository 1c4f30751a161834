"""`/index`: how good the vector index is, planning another one, measuring it."""

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from core.indexes import choices as choosing
from core.indexes import measuring, report
from core.indexes.choices import Choice
from core.indexes.report import IndexReport
from core.operations import planning
from core.operations.kinds import KINDS
from core.operations.plan import Plan
from core.queries.operations import OperationRow
from dashboard.api.access import Planner, Viewer
from dashboard.api.body import Body
from dashboard.api.operations import world
from dashboard.context import context

router = APIRouter(prefix="/index", tags=["index"])
KIND = "rebuild index"


class Choices(Body):
    """What is left out, the sizing table decides."""

    method: Literal["ivfflat", "hnsw"] | None = None
    lists: int | None = Field(None, description="Of IVFFlat.")
    m: int | None = Field(None, description="Of HNSW.")
    ef_construction: int | None = Field(None, description="Of HNSW.")
    halfvec: bool | None = Field(None, description="Half the size, half the precision.")
    memory_mb: int | None = Field(None, description="maintenance_work_mem for the build.")
    workers: int | None = Field(None, description="Parallel workers of the build.")
    setting: int | None = Field(None, description="probes or ef_search; else the lowest that reaches the target.")
    target: float | None = Field(None, description="Recall@10 to reach.")
    p95_ms: float | None = Field(None, description="p95 of a search to stay below, in milliseconds.")

    def asked(self) -> dict[str, Any]:
        return self.model_dump(exclude_none=True)


class Pace(Body):
    """What is left out: no limit for the local model, 1,000 for a service."""

    per_minute: int | None = Field(None, description="Articles a minute at most; 0 for as fast as it goes.")


class Broken(Body):
    index: str = Field(description="The name of an index that is not valid, on any table.")


class Draft(BaseModel):
    """A plan that was not stored, and what else there is to choose from."""

    parameters: dict[str, Any]
    plan: Plan
    choices: tuple[Choice, ...]


class Asked(BaseModel):
    """What became of the wish."""

    sentence: str


@router.get("", summary="Everything that is known of the vector index")
async def stats(_user: Viewer) -> IndexReport:
    return await report.read(context().database, context().settings.active_embedding_model)


@router.post("/plan", summary="What a rebuild would do; nothing is stored")
async def plan(choices: Choices, _user: Planner) -> Draft:
    made = await planning.draft(world(), KINDS[KIND], choices.asked())
    async with context().database.session() as session:
        return Draft(parameters=dict(made.parameters), plan=made.plan, choices=await choosing.read(session))


@router.post("/rebuild", status_code=201, summary="Plan a rebuild, which then waits for an approval")
async def rebuild(choices: Choices, user: Planner) -> OperationRow:
    return await planning.plan(world(), user, "api", KIND, choices.asked())


@router.post("/reembed", status_code=201, summary="Plan to embed what the active model has not, then approve it")
async def reembed(pace: Pace, user: Planner) -> OperationRow:
    return await planning.plan(world(), user, "api", "embed articles", pace.model_dump(exclude_none=True))


@router.post("/drop", status_code=201, summary="Plan to drop an index that a broken build left, then approve it")
async def drop(broken: Broken, user: Planner) -> OperationRow:
    return await planning.plan(world(), user, "api", "drop invalid index", {"index": broken.index})


@router.post("/recall", status_code=202, summary="Measure recall and latency now")
async def recall(user: Planner) -> Asked:
    return Asked(sentence=await measuring.ask(context().database, context().redis, user, "api"))

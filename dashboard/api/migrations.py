"""`/migrations`: where the schema stands, what each revision does, planning to move it."""

import asyncio

from fastapi import APIRouter
from pydantic import BaseModel, Field

from core.migrations import MigrationStatus, compare, drift
from core.migrations import story as stories
from core.migrations.story import Story
from core.operations import planning
from core.queries import server
from core.queries.operations import OperationRow
from dashboard.api.access import Planner, Viewer
from dashboard.api.body import Body
from dashboard.api.operations import world
from dashboard.context import context

router = APIRouter(prefix="/migrations", tags=["migrations"])


class Standing(BaseModel):
    """`drift` is empty while revisions are pending: they are the difference."""

    status: MigrationStatus
    revisions: tuple[Story, ...]
    drift: tuple[str, ...]


class Target(Body):
    revision: str = Field(description="`head`, an id, or for a downgrade `-1` or `base`.")


@router.get("", summary="Where the schema stands, and what each revision does")
async def standing(_user: Viewer) -> Standing:
    database = context().database
    async with database.session() as session:
        current = await server.revision(session)
    status = await asyncio.to_thread(compare, current)
    told = () if status.ahead else await stories.of_all(database)
    differs = await asyncio.to_thread(drift, database.url) if status.is_current else ()
    return Standing(status=status, revisions=told, drift=differs)


@router.post("/upgrade", status_code=201, summary="Plan an upgrade, which then waits for an approval")
async def upgrade(target: Target, user: Planner) -> OperationRow:
    return await planning.plan(world(), user, "api", "upgrade schema", {"revision": target.revision})


@router.post("/downgrade", status_code=201, summary="Plan a downgrade, which then waits for an approval")
async def downgrade(target: Target, user: Planner) -> OperationRow:
    return await planning.plan(world(), user, "api", "downgrade schema", {"revision": target.revision})

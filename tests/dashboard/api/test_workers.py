"""The workers in the API."""

import datetime as dt
from typing import TYPE_CHECKING

from core.access import Role
from core.queues import WorkerBeat
from core.queues.beats import Wishes, beat_worker

if TYPE_CHECKING:
    from tests.dashboard.conftest import Site


async def test_a_worker_is_listed_drained_resumed_and_recycled(site: "Site") -> None:
    now = dt.datetime.now(dt.UTC)
    beat = WorkerBeat("box:7:ab", "box", 7, now, now, 120.0, 10, 0, ())
    await beat_worker(site.context.redis, beat)
    api, viewer = await site.program(Role.OPERATOR), await site.program(Role.VIEWER)
    (listed,) = (await viewer.get("/api/v1/workers")).json()
    assert (listed["name"], listed["drained"]) == ("box:7:ab", False)
    assert (await viewer.post("/api/v1/workers/box:7:ab/drain")).status_code == 403
    heard = []
    for verb in ("drain", "resume", "recycle"):
        assert (await api.post(f"/api/v1/workers/box:7:ab/{verb}")).status_code == 204
        heard.append(await beat_worker(site.context.redis, beat))
        assert (await api.post(f"/api/v1/workers/nobody/{verb}")).status_code == 404
    nothing = Wishes(recycle=False, drain=False)
    assert heard == [Wishes(recycle=False, drain=True), nothing, Wishes(recycle=True, drain=False)]

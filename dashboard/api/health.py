"""`/health`, `/health/live` and `/health/ready`: no login needed; a stranger learns the status and nothing else."""

import datetime as dt
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from core import health
from core.health import Status
from dashboard.context import context
from dashboard.poller import STALE_S

router = APIRouter(tags=["health"])
NO_STORE = {"Cache-Control": "no-store"}


@router.get("/health", summary="The verdict and its checks; 503 when unhealthy")
async def verdict(request: Request) -> JSONResponse:
    details = getattr(request.state, "user", None) is not None
    now = dt.datetime.now(dt.UTC)
    poller = context().poller
    age = poller.age(now)
    if poller.latest is None or age > STALE_S:
        why = f"Nothing has been read for {age:.0f} s." if poller.latest else "Nothing has been read yet."
        return JSONResponse(health.blind(now, why, details=details), 503, NO_STORE)
    found = poller.latest.health
    return JSONResponse(health.report(found, details=details), 200 if found.serves else 503, NO_STORE)


@router.get("/health/live", summary="This process answers; no other server is asked")
async def live() -> JSONResponse:
    return JSONResponse({"status": "healthy"}, 200, NO_STORE)


@router.get("/health/ready", summary="Pages can be served: Postgres answers and has a schema")
async def ready() -> JSONResponse:
    poller = context().poller
    age = poller.age(dt.datetime.now(dt.UTC))
    found = poller.latest.health if poller.latest is not None and age <= STALE_S else None
    needed = [found.check(name).status for name in ("database", "migrations")] if found else [Status.UNKNOWN]
    is_ready = not {Status.UNHEALTHY, Status.UNKNOWN} & set(needed)
    body: dict[str, Any] = {"status": "healthy" if is_ready else "unhealthy"}
    return JSONResponse(body, 200 if is_ready else 503, NO_STORE)

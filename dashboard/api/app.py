"""The HTTP API: its routes, its errors and its description. An application of its own, mounted at /api."""

from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from fastapi.security import HTTPBearer
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse
from starlette.routing import Mount

from core.access import LEAST
from core.errors import SignalistError
from dashboard import problems
from dashboard.api import (
    articles,
    documentation,
    failed_jobs,
    feeds,
    index,
    migrations,
    operations,
    people,
    queues,
    records,
    search,
    snapshot,
    tokens,
    workers,
)
from dashboard.api.access import actions_of

PATH = "/api"
VERSION = "v1"
RESOURCES = (
    snapshot,
    queues,
    workers,
    failed_jobs,
    index,
    migrations,
    operations,
    feeds,
    articles,
    search,
    people,
    tokens,
    records,
)


class Problem(BaseModel):
    """What every error looks like (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str = Field(description="A sentence for people.")
    request_id: str | None = Field(description="As in the header X-Request-ID, and in the log.")


class Api(FastAPI):
    """FastAPI, with the role that each operation needs in its description."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            described = super().openapi()
            for route in iter_route_contexts(self.routes):
                for method in route.methods or ():
                    operation = described["paths"].get(route.path_format, {}).get(method.lower())
                    if operation is not None:
                        operation["x-least-role"] = LEAST[actions_of(route)[0]]
        return self.openapi_schema or {}


def create() -> FastAPI:
    """The API with every route."""
    # Checked by the guard, which sees every request before: here for the description only.
    bearer = HTTPBearer(auto_error=False, description="A token made with `signalist tokens create`.")
    api = Api(
        title="Signalist",
        version=VERSION,
        # A path that does not exist is an answer of the API, not of the pages.
        redirect_slashes=False,
        description="The same verbs as `signalist` on the command line, with a token or a browser's session.",
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(bearer)],
        responses={status: _problem(said) for status, said in _PROBLEMS.items()},
    )
    for kind in (SignalistError, RequestValidationError, HTTPException, Exception):
        api.add_exception_handler(kind, problems.handle)
    v1 = APIRouter(prefix=f"/{VERSION}")
    for resource in RESOURCES:
        v1.include_router(resource.router)
    api.include_router(v1)
    api.include_router(documentation.router)
    return api


def install(app: FastAPI) -> None:
    """Mounts the API on the application that serves the pages."""
    app.router.routes[:] = [r for r in app.router.routes if not (isinstance(r, Mount) and r.path == PATH)]
    app.mount(PATH, create())
    # Without the slash, the address that people type.
    app.add_route(PATH, lambda _request: RedirectResponse(f"{PATH}/"), include_in_schema=False)


_PROBLEMS = {
    401: "No valid token or session.",
    403: "The role does not allow that.",
    404: "There is no such thing.",
    409: "Someone else did that first.",
    422: "The request cannot be understood.",
    503: "A server that Signalist needs cannot be reached.",
}


def _problem(said: str) -> dict[str, Any]:
    return {"description": said, "content": {problems.MEDIA_TYPE: {"schema": Problem.model_json_schema()}}}

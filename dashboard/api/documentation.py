"""`/api`: the API describes itself, without a script or a file from anywhere else."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from dashboard import plain
from dashboard.api.access import Viewer
from dashboard.connection import own_origin

router = APIRouter(include_in_schema=False)

METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Field:
    """A parameter, or a field of a body."""

    name: str
    kind: str
    required: bool
    said: str


@dataclass(frozen=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    tag: str
    summary: str
    role: str
    parameters: tuple[Field, ...]
    body: tuple[Field, ...]
    answer: str


@router.get("/")
async def page(request: Request, _user: Viewer) -> HTMLResponse:
    """Every operation, for people."""
    described = request.app.openapi()
    found = sorted(_operations(described), key=lambda o: _order(described, o))
    groups = [(tag, tuple(some)) for tag, some in groupby(found, key=lambda o: o.tag)]
    said = described["info"]["description"]
    return plain.render(request, "api.html", description=said, origin=own_origin(request), groups=groups)


def _order(described: dict[str, Any], operation: Operation) -> tuple[int, str, int]:
    tags = [tag for path in described["paths"].values() for o in path.values() for tag in o.get("tags", ())]
    return tags.index(operation.tag), operation.path, METHODS.index(operation.method)


def _operations(described: dict[str, Any]) -> Iterator[Operation]:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
            yield Operation(
                method=method,
                path=f"/api{path}",
                tag=operation["tags"][0],
                summary=operation["summary"],
                role=operation["x-least-role"],
                parameters=tuple(_parameter(given) for given in operation.get("parameters", ())),
                body=tuple(_fields(described, body)) if body else (),
                answer=_answer(operation["responses"]),
            )


def _parameter(given: dict[str, Any]) -> Field:
    return Field(given["name"], _kind(given["schema"]), given.get("required", False), given.get("description", ""))


def _fields(described: dict[str, Any], schema: dict[str, Any]) -> Iterator[Field]:
    if "$ref" in schema:
        schema = described["components"]["schemas"][_last(schema["$ref"])]
    for name, field in schema.get("properties", {}).items():
        yield Field(name, _kind(field), name in schema.get("required", ()), field.get("description", ""))


def _answer(responses: dict[str, Any]) -> str:
    code, good = next((code, said) for code, said in responses.items() if code.startswith("2"))
    schema = good.get("content", {}).get("application/json", {}).get("schema", {})
    return f"{code} {_kind(schema)}" if schema else f"{code}, nothing"


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return _last(schema["$ref"])
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return str(schema.get("format") or schema.get("type", "anything"))


def _last(reference: str) -> str:
    return reference.rpartition("/")[2]

"""The one place that turns an error into a problem+json answer (RFC 9457)."""

from http import HTTPStatus
from typing import Any

import structlog
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from structlog.contextvars import get_contextvars

from core.errors import SignalistError
from core.redaction import redact

MEDIA_TYPE = "application/problem+json"

log = structlog.get_logger(__name__)


def problem(status: int, detail: str, headers: dict[str, str] | None = None, **more: Any) -> JSONResponse:
    """An answer with that HTTP status; `detail` is a sentence for people. The log has the same `request_id`."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": redact(detail),
        "request_id": get_contextvars().get("request_id"),
        **more,
    }
    return JSONResponse(body, status, {"cache-control": "no-store", **(headers or {})}, MEDIA_TYPE)


def answer(error: SignalistError) -> JSONResponse:
    """What one of our own errors looks like to a program."""
    headers = {}
    if error.http_status == 401:
        headers["www-authenticate"] = 'Bearer realm="signalist"'
    retry_after = getattr(error, "retry_after", None)
    if retry_after is not None:
        headers["retry-after"] = str(max(1, round(retry_after)))
    return problem(error.http_status, str(error), headers)


async def handle(request: Request, error: Exception) -> JSONResponse:
    """The exception handler of the API: every error of every kind leaves through here."""
    match error:
        case SignalistError():
            return answer(error)
        case RequestValidationError():
            return _wrong_input(error)
        case HTTPException():
            return problem(error.status_code, str(error.detail), dict(error.headers or {}))
        case _:
            # A mistake of ours: the log has it, and the caller learns nothing about the inside.
            log.error("A request failed.", path=request.scope["path"], exc_info=error)
            return problem(500, "Something went wrong; the log of the server says what.")


def _wrong_input(error: RequestValidationError) -> JSONResponse:
    # Which field is wrong and why, but not what was sent: that may be a password.
    wrong = [{"field": ".".join(map(str, e["loc"])), "problem": e["msg"]} for e in error.errors()]
    return problem(422, "; ".join(f"{w['field']}: {w['problem']}" for w in wrong), errors=wrong)

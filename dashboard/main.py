"""The composition root of the dashboard: the one place that knows every part of it."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from nicegui import app, ui
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from core import queues
from core.access import Action, require
from core.config import Settings, settings
from core.db import Database
from core.errors import SignalistError
from core.pipeline import search as core_search
from dashboard import forwarded, guard, login, shell
from dashboard.api import app as api
from dashboard.api import health, metrics
from dashboard.cli.servers import at_the_keyboard
from dashboard.context import Context, set_context
from dashboard.local_search import answering
from dashboard.pages import failed_export, feeds_opml, record_export
from dashboard.pages.access import access
from dashboard.pages.article import article
from dashboard.pages.articles import articles
from dashboard.pages.failed import failed
from dashboard.pages.feeds import feeds
from dashboard.pages.index import index
from dashboard.pages.jobs import jobs
from dashboard.pages.map import map_page
from dashboard.pages.migrations import migrations
from dashboard.pages.operation import operation
from dashboard.pages.operations import operations
from dashboard.pages.overview import overview
from dashboard.pages.queues import queues as queues_page
from dashboard.pages.record import record
from dashboard.pages.schedules import schedules
from dashboard.pages.search import search
from dashboard.pages.workers import workers

PAGES: dict[str, Callable[..., Awaitable[None]]] = {
    "/": overview,
    "/queues": queues_page,
    "/jobs": jobs,
    "/failed": failed,
    "/workers": workers,
    "/schedules": schedules,
    "/index": index,
    "/migrations": migrations,
    "/operations": operations,
    "/operations/{operation_id}": operation,
    "/feeds": feeds,
    "/articles": articles,
    "/articles/{article_id}": article,
    "/search": search,
    "/map": map_page,
    "/record": record,
    "/access": access,
}


def compose(context: Context) -> None:
    """Puts every page and route on NiceGUI's app, behind the guard; the poller runs while the app does."""
    set_context(context)
    shell.install()
    app.include_router(health.router)
    app.include_router(metrics.router)
    app.include_router(feeds_opml.router)
    app.include_router(failed_export.router)
    app.include_router(record_export.router)
    api.install(app)
    guard.install(app)
    forwarded.install(app, context.settings.forwarded_allow_ips)
    app.add_exception_handler(SignalistError, _said)
    for path, page in PAGES.items():
        ui.page(path, response_timeout=10)(page)
    app.on_startup(context.poller.start)
    app.on_shutdown(context.poller.stop)
    app.on_shutdown(context.close)


def _said(request: Request, error: Exception) -> Response:
    """What a person sees of an error of a route that is no page."""
    assert isinstance(error, SignalistError)  # noqa: S101 - Starlette's type is wider than what it does
    return login.closed(request, error)


def _answer_locally(context: Context) -> None:
    """Searches for `signalist search` while the app runs."""

    async def found(words: str, limit: int) -> bytes:
        require(at_the_keyboard(), Action.SEARCH)
        return to_json(await core_search.search(context.database, context.embedder, words, limit=limit))

    ends = AsyncExitStack()
    app.on_startup(lambda: ends.enter_async_context(answering(context.settings, found)))
    app.on_shutdown(ends.aclose)


def run(chosen: Settings | None = None) -> None:
    """Serves until it is stopped."""
    chosen = chosen or settings()
    database = Database(chosen.database(), application="dashboard")
    context = Context(chosen, database, queues.connect(chosen.redis()))
    compose(context)
    _answer_locally(context)
    app.on_shutdown(database.close)
    ui.run(
        host=chosen.host,
        port=chosen.port,
        title="Signalist",
        reload=False,
        show=False,
        show_welcome_message=False,
        tailwind=False,
        language="en-US",
        # Nothing here uses NiceGUI's bindings between models; the loop that looks for changes would only burn CPU.
        binding_refresh_interval=None,
        favicon=shell.STATIC / "favicon.svg",
        server_header=False,
        # Done by dashboard/forwarded.py, which keeps who really asked.
        proxy_headers=False,
        # Its lines go where ours go, in the same form and with the same redaction.
        log_config=None,
    )

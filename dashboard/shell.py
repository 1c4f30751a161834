"""What surrounds every page: navigation, verdict, age, theme, and who is looking."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from nicegui import Client, app, ui

from core.access import Action, require
from core.health import Status
from core.operations.states import State
from core.phrases import counted
from core.snapshot import Snapshot
from dashboard import design
from dashboard.components.html import Text, box, link
from dashboard.context import context
from dashboard.guard import current_user
from dashboard.navigation import PLACES, Place
from dashboard.poller import Poller

STATIC = Path(__file__).parent / "static"
WORD = {
    Status.HEALTHY: "Healthy",
    Status.DEGRADED: "Degraded",
    Status.UNHEALTHY: "Unhealthy",
    Status.UNKNOWN: "Unknown",
}


@dataclass(frozen=True)
class Frame:
    """The part of a page that is the page's own."""

    client: Client
    poller: Poller
    heading: Text
    lede: Text

    def follow(self, listener: Callable[[Snapshot], None]) -> None:
        """Calls `listener` now and with each new snapshot."""
        self.poller.follow(self.client, listener)


def install() -> None:
    """Serves the stylesheet and the script, and puts them on every page."""
    app.add_static_files("/assets", STATIC, max_cache_age=3600)
    # Quasar's bar for requests in the background tells nobody anything, and has no name for a screen reader.
    app.config.quasar_config["loadingBar"]["skipHijack"] = True
    ui.add_head_html(
        f'<style id="tokens">{design.stylesheet()}</style><link rel="stylesheet" href="{_asset("signalist.css")}">'
        f'<script src="{_asset("shell.js")}" defer></script>',
        shared=True,
    )


def _asset(name: str) -> str:
    """Its address, which changes when the file does, so that no browser shows yesterday's."""
    return f"/assets/{name}?v={(STATIC / name).stat().st_mtime_ns:x}"


@contextmanager
def frame(path: str, title: str, lede: str = "") -> Iterator[Frame]:
    """The shell with room for a page in it. `title` is the heading, which the page may say anew."""
    require(current_user(), Action.VIEW)
    client = ui.context.client
    ui.page_title(f"{title} · Signalist")
    request = client.request
    theme = request.cookies.get("theme") if request else None
    ui.dark_mode({"dark": True, "light": False}.get(theme or ""))
    poller = context().poller
    Text("a", "Skip to content", "skip").props["href"] = "#content"
    with box(classes="app"):
        _navigation(path, client, poller)
        veil = box("button", "veil").props('aria-label="Close the navigation"')
        veil.on("click", js_handler="() => signalistNav(false)")
        with box("main", "main").props("id=content tabindex=-1"):
            _top(client, poller)
            with box(classes="titles"):
                heading = Text("h1", title)
                sub = Text("p", lede, "sub")
            yield Frame(client, poller, heading, sub)


def _navigation(path: str, client: Client, poller: Poller) -> None:
    badges: dict[str, Text] = {}
    with box("nav", "side").props('aria-label="Main" id=side'):
        with link("", "/", "brandmark"):
            box("i").props("aria-hidden=true")
            Text("span", "Signalist")
        for group, places in groupby(PLACES, key=lambda p: p.group):
            if group:
                Text("div", group, "group")
            for place in places:
                badges[place.path] = _item(place, on=place.path == path)

        _leave()

    def show(snapshot: Snapshot) -> None:
        for place in PLACES:
            text, meaning = _badge(place, snapshot)
            if text != badges[place.path].text:
                badges[place.path].props["title"] = meaning
                badges[place.path].say(text)

    poller.follow(client, show)


def _leave() -> None:
    user = current_user()
    with box(classes="leave"):
        Text("span", user.name, "mute")
        # A plain form: logging out must work when the socket does not.
        with box("form").props("method=post action=/logout"):
            Text("button", "Log out", "btn").props("type=submit")


def _item(place: Place, *, on: bool) -> Text:
    with link("", place.path, "item on" if on else "item") as item:
        item.props["data-name"], item.props["data-key"] = place.name, place.key
        if on:
            item.props["aria-current"] = "page"
        Text("span", place.name)
        return Text("span", "", "badge")


def _badge(place: Place, snapshot: Snapshot) -> tuple[str, str]:
    failed, feeds = snapshot.readings.failed, snapshot.readings.feeds
    if place.path == "/failed" and failed.ok and failed.value and failed.value.open.value:
        return str(failed.value.open), failed.value.causes.of("cause")
    if place.path == "/feeds" and feeds.ok and feeds.value and feeds.value.failing:
        return f"{feeds.value.failing:,}", f"{counted(feeds.value.failing, 'feed')} failing"
    operations = snapshot.readings.operations
    if place.path == "/operations" and operations.ok and operations.value:
        waiting = sum(row.state is State.PROPOSED and not row.expired for row in operations.value)
        if waiting:
            return f"{waiting}", f"{counted(waiting, 'operation')} waiting for approval"
    schema = snapshot.readings.migrations
    if place.path == "/migrations" and schema.ok and schema.value and schema.value.pending:
        return f"{len(schema.value.pending)}", f"{counted(len(schema.value.pending), 'revision')} pending"
    return "", ""


def _top(client: Client, poller: Poller) -> None:
    with box("header", "top"):
        menu = Text("button", "☰", "btn menu").props('aria-label="Navigation" aria-controls=side aria-expanded=false')
        menu.on("click", js_handler="() => signalistNav(!document.body.classList.contains('nav-open'))")
        with box("span").props("role=status aria-live=polite"):
            verdict = link("", "/#health", "pill")
        Text("span", "production" if context().settings.app_env == "prod" else "development", "pill wide")
        box(classes="space")
        palette = Text("button", "Search or run…", "chip wide").props("type=button aria-keyshortcuts=Control+K")
        with palette:
            Text("span", "Ctrl K", "kbd")
        palette.on("click", js_handler="() => signalistPalette()")
        live = Text("span", "connecting…", "pill").props("id=live")
        theme = Text("button", "◐", "pill").props('type=button aria-label="Switch between light and dark"')
        theme.on("click", js_handler="() => signalistTheme()")
        user = current_user()
        Text("span", f"{user.name} · {user.role}", "pill wide")

    def show(snapshot: Snapshot) -> None:
        status = snapshot.health.status
        verdict.say(f"{design.ICON[status]} {WORD[status]}")
        verdict.classes(replace=f"pill {design.TONE[status]}")
        live.props["data-at"] = snapshot.at.isoformat()
        live.update()

    poller.follow(client, show)

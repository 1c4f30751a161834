"""`signalist up`: everything on one box, until Ctrl-C."""

import contextlib
import logging
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import typer

from core.config import Settings, settings
from core.servers.addresses import check_free, reachable_host, web_address, without_secrets
from core.servers.data_dir import announced, held
from core.servers.postgres import Postgres
from core.servers.server import Server
from core.servers.supervisor import Child, Supervisor
from core.servers.valkey import Valkey
from dashboard.cli.output import say

app = typer.Typer(add_completion=False)
log = logging.getLogger(__name__)

# In the order in which they are started.
CHILDREN = ("dashboard", "worker", "scheduler")
# After this long the rest goes on although the dashboard does not answer: its log says why.
_ANSWERS_WITHIN_S = 30.0


@dataclass(frozen=True)
class Extra:
    """What else runs beside the usual processes, and what is done once the schema is there."""

    children: Sequence[Child] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    before_start: Callable[[str], None] = lambda _url: None


@app.command()
def up() -> None:
    """Run all of Signalist on this box until Ctrl-C, its Postgres and Valkey included.

    Their data is in SIGNALIST_DATA_DIR. With DATABASE_URL or REDIS_URL set, that server is used and none started in its
    place. An empty database is migrated; one that has data never is without being asked.
    """
    run(settings())


def run(chosen: Settings, extra: Extra | None = None) -> None:
    """What `up` does, with `extra` beside it. Returns when it was stopped."""
    extra = extra or Extra()
    with ExitStack() as stack:
        root = stack.enter_context(held(chosen.data_dir))
        check_free(chosen.host, chosen.port)
        servers = _embedded(chosen, root)
        stack.enter_context(_running(servers))
        stack.enter_context(announced(chosen, {server.setting: server.url for server in servers}))
        # A second's worth of libraries, which only a start needs.
        from core import first_start  # noqa: PLC0415

        if notice := first_start.prepare(chosen.admin_database()):
            say(notice)
        extra.before_start(chosen.database())
        children = [*extra.children, *_children(chosen, root, extra.environment)]
        supervisor = Supervisor(servers, children)
        stack.enter_context(supervisor.running())
        password = None if notice else first_start.first_password(chosen.database())
        if _dashboard_answers(chosen, supervisor):
            say(_summary(chosen, servers, children, password))
        while supervisor.tick():
            pass
        say("Stopping.")


def _embedded(chosen: Settings, root: Path) -> list[Server]:
    servers: list[Server] = []
    if chosen.redis_url is None:
        servers.append(Valkey(root))
    if chosen.database_url is None:
        servers.append(Postgres(root))
    return servers


@contextlib.contextmanager
def _running(servers: Sequence[Server]) -> Iterator[None]:
    try:
        for server in servers:
            server.start()
        for server in servers:
            server.wait_until_ready()
        yield
    finally:
        for server in servers:
            server.stop()


def _children(chosen: Settings, root: Path, environment: Mapping[str, str]) -> list[Child]:
    addresses = {
        **environment,
        "DATABASE_URL": chosen.database(),
        # Said, so that none is taken from elsewhere: the demo's is not the one in .env.
        "ADMIN_DATABASE_URL": chosen.admin_database(),
        "REDIS_URL": chosen.redis(),
        "SIGNALIST_DATA_DIR": str(root),
    }
    # -P: a folder called `core` where it is started from must not stand in for ours.
    return [Child(verb, (sys.executable, "-P", "-m", "dashboard.cli", verb), addresses) for verb in CHILDREN]


def _dashboard_answers(chosen: Settings, supervisor: Supervisor) -> bool:
    """Waits until the dashboard takes connections; False when asked to stop meanwhile."""
    deadline = time.monotonic() + _ANSWERS_WITHIN_S
    while supervisor.tick():
        with contextlib.suppress(OSError):
            socket.create_connection((reachable_host(chosen.host), chosen.port), timeout=1).close()
            return True
        if time.monotonic() > deadline:
            log.warning("The dashboard does not answer yet.")
            return True
    return False


def _summary(chosen: Settings, servers: Sequence[Server], children: Sequence[Child], password: str | None) -> str:
    """The block that says what runs where."""
    runs = {child.name: f"process {child.process.pid}" for child in children if child.process}
    runs |= {server.name: f"embedded, with its data in {server.folder}" for server in servers}
    for name, url in (("Postgres", chosen.database_url), ("Redis", chosen.redis_url)):
        if url is not None:
            runs[name] = without_secrets(url.get_secret_value())
    lines = [f"Signalist runs at {web_address(chosen.host, chosen.port)}", ""]
    lines += [f"  {name:<10}  {where}" for name, where in runs.items()]
    if password is not None:
        lines += ["", f"  Log in as admin with the password {password}", "  It is shown this once and stored nowhere."]
    return "\n".join(["", *lines, "", "Ctrl-C stops all of it; the data stays.", ""])

"""`signalist up`, for real: what runs, what is said, and that nothing is left when it ends."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from core import migrations
from core.config import Settings
from dashboard.local_search import ask

pytestmark = pytest.mark.timeout(300)

# Generous: the machine may be busy with something else.
PATIENCE_S = 90.0
FEED = "https://feeds.example/one.xml"


def until(condition: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not in {PATIENCE_S:.0f} s: {what}"
        time.sleep(0.05)
    return found


class Box:
    """A folder of its own, in which `signalist` is typed."""

    def __init__(self, folder: Path, port: int, **environment: str) -> None:
        self.folder, self.port = folder, port
        outside = {
            name: value
            for name, value in os.environ.items()
            if name in {"PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH"}
        }
        self.environment = {**outside, "PORT": str(port), **environment}
        self.process: subprocess.Popen[bytes] | None = None
        self._log = folder / "up.log"

    @property
    def said(self) -> str:
        return self._log.read_text()

    @property
    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def child(self, name: str) -> psutil.Process | None:
        """The process below it with this name, or with this last word on its command line."""
        for process in psutil.Process(self.process.pid).children():
            # Of one that has just died, psutil knows no command line; of one that is gone, nothing.
            try:
                known = process.as_dict(["name", "cmdline"], ad_value=())
            except psutil.NoSuchProcess:
                continue
            if name == known["name"] or [name] == list(known["cmdline"] or ())[-1:]:
                return process
        return None

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-P", "-m", "dashboard.cli", *words]

    def up(self) -> None:
        """Starts it and waits until it has said what runs where."""
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                self.command("up"),
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
            )
        until(lambda: "Ctrl-C stops all of it" in self.said or self.process.poll() is not None, "it is up")
        assert self.process.poll() is None, self.said

    def type(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words), cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )

    def health(self) -> dict[str, object] | None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return json.load(error)
        except OSError:
            return None

    def wait_until_healthy(self) -> None:
        until(lambda: (self.health() or {}).get("status") == "healthy", f"healthy, but {self.health()}")

    def searches_by_the_dashboard(self) -> bool:
        """Whether a search is answered at all, by a socket for this account alone, and loads nothing to do so."""
        (listening,) = (self.folder / "var").glob("search-*.sock")
        self.environment["PYTHONPROFILEIMPORTTIME"] = "1"
        done = self.type("search", "anything", "--json")
        del self.environment["PYTHONPROFILEIMPORTTIME"]
        assert done.stdout == "[]\n"
        assert "pydantic_settings" in done.stderr
        return stat.S_IMODE(listening.stat().st_mode) == 0o600 and "sqlalchemy" not in done.stderr

    def end(self, number: signal.Signals) -> int:
        """Signals it, and asserts that nothing of it is left; returns its exit code."""
        family = self.family
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE_S)
        _, alive = psutil.wait_procs(family, timeout=PATIENCE_S)
        assert not alive
        return code


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def box(tmp_path: Path, port: int) -> Iterator[Box]:
    box = Box(tmp_path, port)
    yield box
    if box.process is not None and box.process.poll() is None:
        box.end(signal.SIGTERM)


def test_it_runs_survives_ctrl_c_and_kill_9_and_keeps_the_data(box: Box) -> None:
    box.up()
    assert f"Signalist runs at http://127.0.0.1:{box.port}" in box.said
    assert re.search(r"Log in as admin with the password \S{12,}", box.said)
    box.wait_until_healthy()
    assert box.type("feeds", "add", FEED).returncode == 0

    assert box.end(signal.SIGINT) == 0
    assert "Traceback" not in box.said
    assert not (box.folder / "var" / "servers.json").exists()
    assert box.type("feeds", "list").returncode == 3

    box.up()
    assert "password" not in box.said
    assert FEED in box.type("feeds", "list").stdout
    box.end(signal.SIGKILL)

    box.up()
    assert FEED in box.type("feeds", "list").stdout
    assert box.end(signal.SIGTERM) == 0


def test_what_dies_is_started_again_and_a_second_one_is_told_about_the_first(box: Box) -> None:
    box.up()
    box.wait_until_healthy()

    second = box.type("up")
    assert second.returncode == 1
    assert second.stdout == ""
    assert second.stderr == (
        f"Signalist already runs on the data dir {box.folder / 'var'}, as process {box.process.pid}: "
        "use that one, or set SIGNALIST_DATA_DIR and PORT for a second.\n"
    )
    assert box.health()["status"] == "healthy"
    assert box.searches_by_the_dashboard()

    working = next(child for child in box.child("worker").children() if child.cmdline()[-1:] == ["worker"])
    working.kill()
    until(lambda: f"Worker process {working.pid} was killed by SIGKILL" in box.said, "its end is told")

    for last_word in ("dashboard", "worker", "scheduler"):
        first = box.child(last_word)
        first.kill()
        until(lambda word=last_word, dead=first: box.child(word) not in {None, dead}, f"{last_word} is back")
    for program in ("postgres", "valkey-server"):
        box.child(program).kill()
    until(lambda: (box.health() or {}).get("status") == "unhealthy", "the loss is noticed")
    box.wait_until_healthy()
    assert "Postgres was killed by SIGKILL; it is started again" in box.said
    # Although the killed dashboard left its socket behind.
    assert box.searches_by_the_dashboard()
    other = Settings(_env_file=None, SIGNALIST_DATA_DIR=box.folder / "var", port=box.port, embedding_model="other")
    assert ask(other, "anything", 1) is None


def test_a_port_in_use_is_named_and_nothing_is_started(box: Box) -> None:
    with socket.create_server(("127.0.0.1", box.port)):
        done = box.type("up")
    assert done.returncode == 1
    assert done.stderr.startswith(f"Port {box.port} on 127.0.0.1 is in use")
    assert "set PORT to another" in done.stderr
    assert not (box.folder / "var" / "postgres").exists()


def test_servers_of_ones_own_are_used_one_by_one(box: Box, database_url: str) -> None:
    pending = migrations.downgrade(database_url, "-1").pending[0]
    box.environment |= {"DATABASE_URL": database_url, "LOG_FORMAT": "json", "LOG_LEVEL": "DEBUG"}
    box.up()
    logged = [line for line in box.said.splitlines() if "level" in line]
    assert "workers.scheduler" in {json.loads(line)["logger"] for line in logged}
    assert f"Not run, since nobody asked: revision {pending}. Run `signalist db upgrade`." in box.said
    assert migrations.status(database_url).pending == (pending,)
    assert not (box.folder / "var" / "postgres").exists()
    assert (box.folder / "var" / "valkey").exists()
    assert json.loads((box.folder / "var" / "servers.json").read_text()).keys() == {"REDIS_URL"}


def test_a_database_of_something_else_is_left_alone(box: Box, database_url: str) -> None:
    migrations.downgrade(database_url, "base")
    with psycopg.connect(database_url) as connection:
        connection.execute("drop table alembic_version")
        connection.execute("create table orders ()")
    box.environment["DATABASE_URL"] = database_url
    done = box.type("up")
    assert done.returncode == 1
    assert done.stderr.startswith("The database has tables, but none of Signalist's")
    assert migrations.status(database_url).current is None


def test_a_database_that_does_not_answer_is_one_sentence(box: Box) -> None:
    box.environment["DATABASE_URL"] = "postgresql://somebody:hunter2@127.0.0.1:1/nothing"
    done = box.type("up")
    assert done.returncode == 3
    assert done.stderr == "Postgres cannot be reached.\n"


def test_production_without_a_secret_does_not_start(box: Box) -> None:
    box.environment["APP_ENV"] = "prod"
    done = box.type("up")
    assert done.returncode == 2
    assert done.stderr.startswith("APP_SECRET is missing")
    assert not (box.folder / "var").exists()

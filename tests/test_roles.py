"""Every role starts as in the image: the same command, nobody in particular, a root that nobody can write to.

Commands, checks and environment are read from the Dockerfile and docker-compose.yml, so they cannot drift. For want of
a container each runs in a mount namespace, on a root that has the sources, the libraries and /tmp, and no capability.
"""

import asyncio
import datetime as dt
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import yaml
from gate import Gate
from redis.asyncio import Redis
from sqlalchemy import make_url

from core.queues import connect, crawl_feed, depths, enqueue, scheduler_beat, worker_beats
from core.servers.postgres import Postgres
from tests.browser.conftest import free_port

ROOT = Path(__file__).parents[1]
SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
UID = re.search(r"^USER (\d+)$", DOCKERFILE, re.MULTILINE)[1]
ENTRYPOINT = json.loads(re.search(r"^ENTRYPOINT (.+)$", DOCKERFILE, re.MULTILINE)[1])
CHECK = json.loads(re.search(r"^HEALTHCHECK .*?CMD (\[.+\])$", DOCKERFILE, re.MULTILINE)[1])
ENV = dict(word.split("=", 1) for word in re.search(r"^ENV (.+)$", DOCKERFILE, re.MULTILINE)[1].split())
DATABASE = "signalist_roles"

# Where this Python is may be closed to others, as a folder of root's: on the new root the way there is open.
CONTAINER = f"""
set -e
mount -t tmpfs -o mode=755 tmpfs "$0"
mkdir "$0/tmp"
mount -t tmpfs -o mode=1777 tmpfs "$0/tmp"
for folder in /usr /etc /dev /proc /bin /sbin /lib /lib64 {sys.base_prefix} {ROOT}; do
    if [ -L "$folder" ]; then
        cp --no-dereference "$folder" "$0$folder"
    elif [ -d "$folder" ]; then
        mkdir -p "$0$folder"
        mount --rbind "$folder" "$0$folder"
        mount -o remount,bind,ro "$0$folder"
    fi
done
mount -o remount,ro "$0"
exec chroot "$0" setpriv --reuid={UID} --regid={UID} --clear-groups --no-new-privs --inh-caps=-all \\
    --bounding-set=-all sh -c 'cd {ROOT} && exec "$@"' sh "$@"
"""


@dataclass
class Container:
    """Where roles run. Each has the environment of its service, on this test's servers."""

    root: str
    servers: dict[str, str]
    port: str

    async def start(self, role: str, command: list[str]) -> asyncio.subprocess.Process:
        said = {name: str(value) for name, value in SERVICES[role]["environment"].items()} | self.servers
        here = {"PATH": f"{ROOT}/.venv/bin:/usr/bin:/bin:/usr/sbin", "PORT": self.port, "HOST": "127.0.0.1"}
        return await asyncio.create_subprocess_exec(
            *("unshare", "--mount", "--propagation", "private", "sh", "-c", CONTAINER, self.root),
            *(word.replace(":8080", f":{self.port}") for word in command),
            env=ENV | said | here,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    async def run(self, role: str, command: list[str]) -> tuple[int | None, str]:
        process = await self.start(role, command)
        said, _ = await process.communicate()
        return process.returncode, said.decode()


def command(role: str) -> list[str]:
    return [*ENTRYPOINT, *SERVICES[role]["command"]]


def check(role: str) -> list[str]:
    """What the health check runs: compose's, or else the image's."""
    kind, *words = SERVICES[role]["healthcheck"].get("test") or ["CMD", *CHECK]
    assert kind == "CMD"
    return words


def may_make_namespaces() -> bool:
    if os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "setpriv"))):
        return False
    return subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode == 0


def told(process: asyncio.subprocess.Process, about: str) -> str:
    """What the kernel says of it."""
    return Path(f"/proc/{process.pid}/{about}").read_text()


@pytest.fixture
async def container(postgres: Postgres, redis_url: str, tmp_path: Path) -> AsyncIterator[Container]:
    if not may_make_namespaces():
        pytest.skip("Only root of a Linux that lets it make namespaces can try the roles as the image runs them.")
    with psycopg.connect(postgres.admin_url("postgres"), autocommit=True) as admin:
        admin.execute(f"create database {DATABASE} owner signalist")
    address = make_url(postgres.url)
    gates = Gate(f"{address.query['host']}/.s.PGSQL.{address.query.get('port', 5432)}"), Gate(urlsplit(redis_url).path)
    for gate in gates:
        await gate.open()
    servers = {
        "APP_SECRET": "a long random text for this test",
        "DATABASE_URL": f"postgresql://signalist@127.0.0.1:{gates[0].port}/{DATABASE}",
        "REDIS_URL": f"redis://127.0.0.1:{gates[1].port}/0",
    }
    yield Container(str(tmp_path), servers, str(free_port()))
    for gate in gates:
        await gate.close()
    with psycopg.connect(postgres.admin_url("postgres"), autocommit=True) as admin:
        admin.execute(f"drop database {DATABASE} with (force)")


@asynccontextmanager
async def running(container: Container, roles: tuple[str, ...]) -> AsyncIterator[dict[str, Any]]:
    """At the end each is asked to stop as docker does, and has to do so by itself."""
    processes = {role: await container.start(role, command(role)) for role in roles}
    try:
        yield processes
        for process in processes.values():
            process.terminate()
        for role, process in processes.items():
            said, _ = await asyncio.wait_for(process.communicate(), 40)
            # Uvicorn hands on the signal that it was asked by, when all is closed.
            assert process.returncode in {0, -signal.SIGTERM}, (
                f"{role} ended with {process.returncode}:\n{said.decode()}"
            )
            assert "Traceback" not in said.decode()
            assert all(line.startswith("{") for line in said.decode().splitlines()), said.decode()
    finally:
        for process in processes.values():
            if process.returncode is None:
                process.kill()
                await process.wait()


async def healthy(container: Container, role: str, process: asyncio.subprocess.Process) -> None:
    """Asks as compose does, until the answer is good."""
    async with asyncio.timeout(90):
        while True:
            code, said = await container.run(role, check(role))
            if code == 0:
                return
            assert process.returncode is None, f"{role} ended: {(await process.communicate())[0].decode()}"
            assert role == "dashboard" or "Traceback" not in said, said
            await asyncio.sleep(0.5)


async def awake(redis: Redis, processes: dict[str, asyncio.subprocess.Process]) -> None:
    """Each check costs as much as a start: they are not asked before there is something to hear."""
    async with asyncio.timeout(180):
        while not (await worker_beats(redis) and await scheduler_beat(redis)):
            assert all(process.returncode is None for process in processes.values())
            await asyncio.sleep(0.2)


@pytest.mark.timeout(400)
async def test_every_role_starts_and_is_healthy_as_the_image_runs_it(container: Container, redis_url: str) -> None:
    code, said = await container.run("migrate", command("migrate"))
    assert code == 0, said
    assert "Log in as admin with the password" in said

    async with running(container, ("dashboard", "worker", "scheduler")) as processes:
        redis = connect(redis_url)
        await awake(redis, processes)
        for role, process in processes.items():
            await healthy(container, role, process)
            assert re.search(rf"^Uid:(\s+{UID}){{4}}$", told(process, "status"), re.MULTILINE)
            assert re.search(r"^CapEff:\s+0+$", told(process, "status"), re.MULTILINE)
            mounts = dict(re.findall(r"^\S+ \S+ \S+ \S+ (\S+) (\w+),?", told(process, "mountinfo"), re.MULTILINE))
            assert (mounts["/"], mounts[str(ROOT)], mounts["/tmp"]) == ("ro", "ro", "rw")

        await enqueue(redis, crawl_feed("00000000-0000-4000-8000-000000000000"))
        async with asyncio.timeout(30):
            while not sum(queue.done for queue in await depths(redis, dt.datetime.now(dt.UTC))):
                await asyncio.sleep(0.1)
        await redis.aclose()

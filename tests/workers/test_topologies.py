"""Redis with a password, as a cluster, and behind Sentinel: the same jobs through the same broker."""

import asyncio
import datetime as dt
import shutil
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from gate import Gate
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, RedisError

from core.errors import RedisUnavailable
from core.queues import Job, connect, depths, enqueue, pause, resume, scheduler_beat, server_facts, worker_beats
from core.queues.cancelling import cancel
from core.servers.valkey import Valkey

PASSWORD = "a secret"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@asynccontextmanager
async def served(folder: Path, *flags: str) -> AsyncIterator[None]:
    """The Valkey of the wheel with other flags."""
    program = Valkey(folder).command()[0]
    with (folder / "log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(program, *flags, cwd=folder, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()


async def answering(url: str, until: Any) -> Redis:
    client = Redis.from_url(url)

    async def is_there() -> bool:
        try:
            return bool(await client.ping())
        except AuthenticationError:
            return True
        except RedisError:
            return False

    await until(is_there)
    return client


async def everything_works(url: str, worker: Callable[..., Any], until: Any) -> None:
    ran: list[str] = []
    one = worker(redis=url)

    @one.task(task_name="note")
    async def note(word: str) -> None:
        ran.append(word)
        if word == "fails once" and ran.count(word) == 1:
            raise ValueError
        if word == "long":
            await asyncio.sleep(60)

    client = connect(url)
    await enqueue(client, Job("note", ("before",), "crawl", "k"))
    assert await enqueue(client, Job("note", ("before",), "crawl", "k")) is None
    await one.start()
    await enqueue(client, Job("note", ("fails once",), "embed"))
    await enqueue(client, Job("note", ("later",), "ops"), delay=0.3)
    await until(lambda: sorted(ran) == ["before", "fails once", "fails once", "later"])
    await pause(client, "crawl")
    await enqueue(client, Job("note", ("paused",), "crawl"))
    task_id = await enqueue(client, Job("note", ("long",), "summarise"))
    await until(lambda: "long" in ran)
    assert task_id
    assert await cancel(client, "summarise", task_id) == "requested"
    await resume(client, "crawl")
    await until(lambda: "paused" in ran)

    async def is_done() -> bool:
        found = await depths(client, dt.datetime.now(dt.UTC))
        left = sum(one.waiting + one.running + one.delayed for one in found)
        return left == 0 and sum(one.done for one in found) == 4

    await until(is_done)
    assert len(await worker_beats(client)) == 1
    assert await scheduler_beat(client) is None
    assert (await server_facts(client)).used_memory > 0
    await one.stop()
    await client.aclose()


async def test_a_password_is_needed_and_its_absence_is_a_sentence(tmp_path: Path, worker: Any, until: Any) -> None:
    port = free_port()
    async with served(tmp_path, "--port", str(port), "--requirepass", PASSWORD):
        probe = await answering(f"redis://127.0.0.1:{port}", until)
        await probe.aclose()
        for wrong in ("", ":wrong@"):
            client = connect(f"redis://{wrong}127.0.0.1:{port}/0")
            with pytest.raises(RedisUnavailable, match="password"):
                await enqueue(client, Job("note", (), "crawl"))
            await client.aclose()
        await everything_works(f"redis://:a%20secret@127.0.0.1:{port}/1", worker, until)


async def test_an_encrypted_connection_is_made_with_rediss(
    tmp_path: Path, redis_url: str, worker: Any, until: Any
) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("No openssl on this machine to make a certificate with.")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = await asyncio.create_subprocess_exec(
        *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-keyout", key, "-out", certificate),
        *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert await made.wait() == 0
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    # The Valkey of the wheel speaks no TLS: it stands behind something that does, as it often does in production.
    gate = Gate(urlsplit(redis_url).path, context)
    await gate.open()
    await everything_works(f"rediss://localhost:{gate.port}/0?ssl_ca_certs={certificate}", worker, until)
    stranger = connect(f"rediss://localhost:{gate.port}/0")
    with pytest.raises(RedisUnavailable):
        await enqueue(stranger, Job("note", (), "crawl"))
    await stranger.aclose()
    await gate.close()


async def test_a_cluster_runs_jobs(tmp_path: Path, worker: Any, until: Any) -> None:
    port = free_port()
    async with served(tmp_path, "--port", str(port), "--cluster-enabled", "yes", "--cluster-port", str(free_port())):
        admin = await answering(f"redis://127.0.0.1:{port}", until)
        await admin.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)

        async def is_ready() -> bool:
            return b"cluster_state:ok" in await admin.execute_command("CLUSTER", "INFO")

        await until(is_ready)
        await admin.aclose()
        await everything_works(f"redis+cluster://127.0.0.1:{port}", worker, until)


async def test_sentinel_is_asked_where_redis_is(tmp_path: Path, worker: Any, until: Any) -> None:
    port, sentinel_port = free_port(), free_port()
    config = tmp_path / "sentinel.conf"
    config.write_text(f"port {sentinel_port}\nsentinel monitor news 127.0.0.1 {port} 1\n")
    async with (
        served(tmp_path, "--port", str(port)),
        served(tmp_path, str(config), "--sentinel"),
    ):
        for each in (port, sentinel_port):
            await (await answering(f"redis://127.0.0.1:{each}", until)).aclose()
        await everything_works(f"redis+sentinel://127.0.0.1:{sentinel_port}/news/0", worker, until)

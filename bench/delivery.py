"""Jobs per second: our broker beside stock taskiq-redis, Celery, RQ, Dramatiq, arq and SAQ, each on the same Valkey
with the same no-op; what a failure costs; and the memory of Valkey with and after a million jobs."""

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from bench.ground import ROOT, free_port, servers, table
from core.queues import Job, connect, keys
from core.queues.delivery import Consumer, Hold
from core.queues.enqueueing import offer_all
from core.queues.jobs import new_task_id

NUMBER, FAILURES, MILLION = 10_000, 2_000, 1_000_000
HERE = Path(__file__).parent / "noop"
BIN = Path(sys.executable).parent
# Not with the first job: the second process starts a moment after the first.
COUNTED_FROM = 0.2
PATIENCE_S = 180.0

Left = Callable[[Any], int]


@dataclass(frozen=True)
class Contestant:
    """`worker(processes)`: the commands of so many workers; `left(redis)`: how many jobs have not ended."""

    name: str
    file: str
    worker: Callable[[Path, int], Sequence[Sequence[object]]]
    left: Left
    promise: str
    number: int = NUMBER
    wants_older_redis: bool = False


def stream_left(stream: str, group: str) -> Left:
    """Entries stay in the stock stream for ever: what is left is what the group has not read, and what is pending."""

    def left(server: Any) -> int:
        with contextlib.suppress(redis.ResponseError):
            for found in server.xinfo_groups(stream):
                if found["name"].decode() == group:
                    return int(found["pending"]) + int(server.xlen(stream)) - int(found["entries-read"] or 0)
        return int(server.xlen(stream))

    return left


def lists_left(*patterns: str) -> Left:
    """Jobs in lists, sets and hashes whose names match."""
    sizes = {b"list": "llen", b"set": "scard", b"zset": "zcard", b"hash": "hlen"}

    def left(server: Any) -> int:
        names = {name for pattern in patterns for name in server.scan_iter(pattern, count=10_000)}
        kinds = {name: sizes.get(server.type(name)) for name in names}
        return sum(int(getattr(server, size)(name)) for name, size in kinds.items() if size)

    return left


def plain_left(**keys_by_command: Sequence[str]) -> Left:
    def left(server: Any) -> int:
        return sum(int(server.execute_command(command, name)) for command, n in keys_by_command.items() for name in n)

    return left


OURS_LEFT = plain_left(xlen=[keys.stream("crawl")], zcard=[keys.delayed("crawl")])
CONTESTANTS = (
    Contestant(
        "Signalist",
        "ours.py",
        lambda b, p: [[b / "python", "ours.py", "work", p, 8]],
        OURS_LEFT,
        "late ack; after kill -9 run again within 17 s; a slow job runs once; a failure is a row in Postgres",
    ),
    Contestant(
        "Signalist, 100 slots",
        "ours.py",
        lambda b, p: [[b / "python", "ours.py", "work", p, 100]],
        OURS_LEFT,
        "the same, with as many jobs at once as taskiq-redis has unless told otherwise",
    ),
    Contestant(
        "taskiq-redis",
        "stock_taskiq.py",
        lambda b, p: [
            [b / "taskiq", "worker", "stock_taskiq:broker", "--workers", p, "--log-level", "ERROR"],
        ],
        stream_left("taskiq", "taskiq"),
        "late ack; after kill -9 run again after 10 min, if new jobs come; a job over 10 min runs twice; a failure is "
        "a line in a log; what was prefetched waits as long at every stop",
    ),
    Contestant(
        "Celery",
        "celery_app.py",
        lambda b, p: [[b / "celery", "-A", "celery_app", "worker", "-c", p, "--without-gossip", "--without-mingle"]],
        plain_left(llen=["celery"], hlen=["unacked"]),
        "late ack as configured here; after kill -9 of all of it run again after 1 h, when a job over 1 h also runs "
        "twice; a failure is a line in a log",
    ),
    Contestant(
        "RQ",
        "rq_tasks.py",
        lambda b, p: [[b / "rq", "worker", "--quiet", "--url", os.environ["REDIS_URL"], "--path", "."]] * p,
        plain_left(llen=["rq:queue:default"], zcard=["rq:wip:default"]),
        "a process a job; after kill -9 the job is recorded as abandoned, not run again unless sent with retries; a "
        "failure is kept for a year",
        number=1_000,
    ),
    Contestant(
        "Dramatiq",
        "dramatiq_actors.py",
        lambda b, p: [[b / "dramatiq", "dramatiq_actors", "--processes", p, "--threads", 8]],
        lists_left("dramatiq:default", "dramatiq:default.DQ", "dramatiq:__acks__*"),
        "late ack; after kill -9 run again after 60 s, when a worker next maintains; a failure is kept for a week",
    ),
    Contestant(
        "arq",
        "arq_worker.py",
        lambda b, p: [[b / "arq", "arq_worker.WorkerSettings"]] * p,
        plain_left(zcard=["arq:queue"]),
        "ends late; after kill -9 run again after 310 s; a failure is a result, kept for an hour where results are on",
        wants_older_redis=True,
    ),
    Contestant(
        "SAQ",
        "saq_settings.py",
        lambda b, p: [[b / "saq", "saq_settings.settings", "--workers", p, "--quiet"]],
        plain_left(llen=["saq:default:queued", "saq:default:active"]),
        "ends late; after kill -9 swept once its 10 s timeout has passed, and tried again if sent with retries; a "
        "failure is kept for 10 min",
        wants_older_redis=True,
    ),
)


@contextlib.contextmanager
def older_redis() -> Iterator[Path]:
    """An environment with what arq and SAQ want; yields its folder of programs."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([BIN / "python", "-m", "venv", folder], check=True)
        pip = [Path(folder) / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--require-hashes", "-r", HERE.parent / "older-redis.txt"], check=True)
        yield Path(folder) / "bin"


def send(python: Path, contestant: Contestant, task: str, number: int) -> float:
    """Jobs per second into Redis."""
    command = [python, contestant.file, task, str(number)]
    told = subprocess.run(command, cwd=HERE, env=environment(), check=True, stdout=subprocess.PIPE, text=True)
    return number / float(told.stdout.split()[-1])


def environment() -> Mapping[str, str]:
    return {**os.environ, "PYTHONPATH": f"{ROOT}:{HERE}", "LOG_LEVEL": "ERROR", "PYTHONWARNINGS": "ignore"}


@contextlib.contextmanager
def workers(commands: Sequence[Sequence[object]]) -> Iterator[None]:
    """Workers, until the end of the block."""
    started = [
        subprocess.Popen(
            [str(word) for word in command],
            cwd=HERE,
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        for command in commands
    ]
    try:
        yield
    finally:
        for process in started:
            process.terminate()
        for process in started:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                process.wait()


def drain(server: Any, left: Left, number: int) -> float:
    """Jobs per second that end, once the workers are at it. Raises TimeoutError."""
    counted: tuple[float, int] | None = None
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        now, remaining = time.perf_counter(), left(server)
        if counted is None and remaining <= number * (1 - COUNTED_FROM):
            counted = (now, remaining)
        if counted is not None and remaining == 0:
            return counted[1] / (now - counted[0])
        time.sleep(0.01)
    raise TimeoutError(f"{left(server)} of {number} jobs were left after {PATIENCE_S:g} s")


def measure(server: Any, programs: Path, contestant: Contestant) -> list[str]:
    server.flushall()
    figures = []
    for task, number, processes in (
        ("noop", contestant.number, 1),
        ("noop", contestant.number, 2),
        ("fail", min(FAILURES, contestant.number), 2),
    ):
        sent = send(programs / "python", contestant, task, number)
        if not figures:
            figures.append(f"{sent:,.0f}")
        with workers(contestant.worker(programs, processes)):
            figures.append(f"{drain(server, contestant.left, number):,.0f}")
    return [contestant.name, *figures]


async def a_million(url: str, server: Any) -> None:
    """Memory of Valkey with a million jobs in it, and after them."""
    client = connect(url)
    # Nobody else is here who could take over what it has; and a new Redis hands out nothing for half of that.
    consumer = Consumer(client, "bench", 2, ["crawl"])
    await consumer.ensure_groups()

    def used() -> str:
        return f"{server.info('memory')['used_memory'] / 2**20:,.0f} MiB"

    rows = [["Memory of Valkey", ""], ["empty", used()]]
    for _ in range(MILLION // 500):
        ids = [new_task_id() for _ in range(500)]
        await offer_all(client, [(Job("noop", (i,), "crawl", f"noop:{i}"), i) for i in ids])
    rows.append([f"{MILLION:,} jobs wait, each with a key", used()])
    while entries := await consumer.fetch({"crawl": 100}):
        holds = [
            Hold("crawl", e.id, i, f"noop:{i}", e.taken_ms)
            for e in entries
            for i in [e.fields[b"data"].split(b'"task_id":"')[1][:32].decode()]
        ]
        await asyncio.gather(*(consumer.finish(hold, "done", "{}") for hold in holds))
    rows.append(["they have all been done", used()])
    await client.aclose()
    table(f"{MILLION:,} jobs", rows)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, servers(Path(folder)) as addresses, older_redis() as older:
        port = free_port()
        with redis.Redis.from_url(addresses["REDIS_URL"]) as server:
            # Not all of them know Unix sockets.
            server.config_set("port", port)
            os.environ.update({**addresses, "REDIS_URL": f"redis://127.0.0.1:{port}/0"})
            rows = [["", "sent/s", "done/s, 1 process", "done/s, 2", "failed/s, 2"]]
            rows += [measure(server, older if c.wants_older_redis else BIN, c) for c in CONTESTANTS]
            table(f"{NUMBER:,} no-ops (RQ: 1,000), {FAILURES:,} failures, one after the other", rows)
            table("What each promises", [[c.name, c.promise] for c in CONTESTANTS])
            server.flushall()
            asyncio.run(a_million(os.environ["REDIS_URL"], server))


if __name__ == "__main__":
    main()

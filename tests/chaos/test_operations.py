"""Operations, whatever happens to their worker, to Postgres, or to the mind of their owner, at each phase.

Afterwards an index serves, nothing invalid is left unseen, the row tells what happened, and the next try works.
"""

import asyncio
import contextlib
import datetime as dt
import json
import os
import shutil
import socket
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psycopg
import pytest
from aiohttp import web

from core import migrations, queues
from core.access import Role, User
from core.accounts import tokens
from core.config import Settings
from core.db import Database
from core.indexes import reembed
from core.indexes.shape import Shape
from core.migrations import scripts, statements
from core.operations import planning
from core.operations import run as running
from core.operations.approve import approve
from core.operations.cancel import cancel
from core.operations.kind import World
from core.operations.running import Run
from core.operations.states import ENDED, State
from core.queries import index_ddl, invalid_indexes, operation_lines, vector_index
from core.queries.operations import OperationRow
from core.queries.vector_index import SERVING, VectorTable
from core.servers.postgres import Postgres

pytestmark = pytest.mark.chaos

ADA = User(None, "ada", Role.ADMIN)
WORKER = Path(__file__).with_name("operation_worker.py")
OLD = 1
# What the log says when each phase begins; after "Swap." there is no way back.
BEFORE_THE_SWAP = ("Preflight.", "idx_embeddings_vector_new is valid", "New:")
AFTER_THE_SWAP = ("Swap.", "DROP INDEX")


@pytest.fixture(autouse=True)
def _short_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "LEASE", dt.timedelta(seconds=1))
    monkeypatch.setattr(running, "RENEW_EVERY_S", 0.2)
    monkeypatch.setattr("core.indexes.rebuild_steps.SETTLE_S", 0.2)


@pytest.fixture
async def world(database_url: str, redis_url: str) -> AsyncIterator[World]:
    database, redis = Database(database_url, application="chaos", statement_timeout=30), queues.connect(redis_url)
    yield World(Settings(), database, redis)
    await redis.aclose()
    await database.close()


def fill(url: str, rows: int = 600) -> None:
    """Vectors in heaps, with an index that serves."""
    rng = np.random.default_rng(2)
    heaps = rng.normal(size=(30, 1536)).astype(np.float32)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("insert into feeds (url) values ('http://example.org')")
        connection.execute(
            "insert into articles (feed_id, guid, content_hash, embedding_model)"
            " select f.id, n, '', 'wordllama-256' from feeds f, generate_series(1, %s) n",
            (rows,),
        )
        ids = [row[0] for row in connection.execute("select id from articles").fetchall()]
        with connection.cursor().copy(
            "copy article_embeddings (article_id, chunk_index, content, embedding, model) from stdin"
        ) as copy:
            for number, article in enumerate(ids):
                vector = heaps[number % 30] + 0.3 * rng.normal(size=1536)
                copy.write_row((article, 0, "", "[" + ",".join(f"{x:.4f}" for x in vector) + "]", "wordllama-256"))
        connection.execute(index_ddl.create(Shape("ivfflat", lists=20), OLD, SERVING).encode())
        connection.execute("analyze")


async def planned(world: World, kind: str, **asked: object) -> OperationRow:
    row = await planning.plan(world, ADA, "cli", kind, asked)
    return await approve(world, ADA, "cli", row.id, read_hash=row.plan_hash, phrase=row.plan.phrase or "")


async def table_of(world: World) -> VectorTable:
    async with world.database.session() as session:
        return await vector_index.read(session)


async def log_of(world: World, row: OperationRow) -> str:
    async with world.database.session() as session:
        return "\n".join(f"{line.level}: {line.text}" for line in await operation_lines.since(session, row.id))


async def sound(world: World, row: OperationRow, *, new: bool) -> None:
    """One index serves, the new one or the old one; nothing invalid is left; the row tells."""
    table, log = await table_of(world), await log_of(world, row)
    assert [index.name for index in table.indexes] == [SERVING], log
    assert table.serving is not None, log
    assert (table.serving.mark != OLD) is new, log
    async with world.database.session() as session:
        assert await invalid_indexes.read(session) == (), log
    ended = await planning.get(world, row.id)
    assert ended.state in ENDED, log
    assert ended.outcome, log


async def die_at(world: World, row: OperationRow, redis_url: str, at: str, after: float = 0.0, **more: Any) -> None:
    """A worker of its own takes the operation up, and is killed when its log says `at`."""
    config = {"database": world.database.url, "redis": redis_url, "operation": str(row.id), "at": at, "after": after}
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(WORKER), json.dumps(config | more), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    _, said = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == -9, said.decode()[-2000:]


@pytest.mark.parametrize("at", [*BEFORE_THE_SWAP, "Analyze.", "Before:", *AFTER_THE_SWAP, "Confirm."])
async def test_a_rebuild_is_finished_by_another_worker_wherever_the_first_one_is_killed(
    world: World, database_url: str, redis_url: str, at: str
) -> None:
    fill(database_url)
    row = await planned(world, "rebuild index", lists=25)
    await die_at(world, row, redis_url, at)
    await asyncio.wait_for(running.run_operation(world, row.id, "the next worker"), 60)
    ended = await planning.get(world, row.id)
    assert ended.state is State.DONE, await log_of(world, row)
    assert ended.takeovers == 1
    assert "Taken over by another worker" in await log_of(world, row)
    await sound(world, row, new=True)


async def test_a_build_whose_worker_is_killed_goes_on_and_is_followed_to_its_end(
    world: World, database_url: str, redis_url: str
) -> None:
    fill(database_url)
    row = await planned(world, "rebuild index", lists=25)
    with psycopg.connect(database_url) as old:
        # A concurrent build ends only after every older snapshot: this one lets go when the build is followed.
        old.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        old.execute("select count(*) from users")
        await die_at(world, row, redis_url, "CREATE INDEX", after=1.0)
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            group.create_task(running.run_operation(world, row.id, "the next worker"))
            while "still runs on the server: following it" not in await log_of(world, row):
                await asyncio.sleep(0.1)
            old.rollback()
    log = await log_of(world, row)
    assert log.count("CREATE INDEX") == 1
    assert (await planning.get(world, row.id)).state is State.DONE, log
    await sound(world, row, new=True)


@contextlib.contextmanager
def when_it_says(monkeypatch: pytest.MonkeyPatch, at: str, act: Callable[[], Any]) -> Iterator[None]:
    """Does `act` once, when the log of an operation says `at`."""
    said, done = Run.say, []

    async def say(self: Run, text: str, *rest: Any) -> None:
        await said(self, text, *rest)
        if text.startswith(at) and not done:
            done.append(text)
            await act()

    monkeypatch.setattr(Run, "say", say)
    yield
    assert done, f"it never said {at}"


@pytest.mark.parametrize("at", BEFORE_THE_SWAP)
async def test_a_rebuild_that_is_cancelled_before_the_swap_leaves_the_old_index_as_it_was(
    world: World, database_url: str, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(database_url)
    row = await planned(world, "rebuild index", lists=25)

    async def stop() -> None:
        heard = asyncio.Event()
        wish_for = Run.wish_for
        monkeypatch.setattr(Run, "wish_for", lambda run, wish: (wish_for(run, wish), wish and heard.set()))
        await cancel(world, ADA, "browser", row.id)
        await heard.wait()

    with when_it_says(monkeypatch, at, stop):
        await asyncio.wait_for(running.run_operation(world, row.id, "worker 1"), 60)
    ended = await planning.get(world, row.id)
    assert (ended.state, ended.outcome) == (State.CANCELLED, "Cancelled by ada."), await log_of(world, row)
    await sound(world, row, new=False)


async def test_a_rebuild_that_is_cancelled_after_the_swap_goes_on_to_its_end(
    world: World, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(database_url)
    row = await planned(world, "rebuild index", lists=25)

    async def stop() -> None:
        await cancel(world, ADA, "browser", row.id)
        await asyncio.sleep(2 * running.RENEW_EVERY_S)

    with when_it_says(monkeypatch, "Swap.", stop):
        await asyncio.wait_for(running.run_operation(world, row.id, "worker 1"), 60)
    assert (await planning.get(world, row.id)).state is State.DONE
    assert "too late to stop" in await log_of(world, row)
    await sound(world, row, new=True)


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[Postgres]:
    """A server of the test's own, to be restarted."""
    server = Postgres(tmp_path)
    server.start()
    server.wait_until_ready()
    migrations.upgrade(server.url)
    yield server
    server.stop()


@pytest.mark.parametrize("at", ["CREATE INDEX", "Swap."])
async def test_a_rebuild_survives_a_restart_of_postgres(
    own_postgres: Postgres, redis_url: str, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(own_postgres.url, 1_500)
    database, redis = Database(own_postgres.url, application="chaos"), queues.connect(redis_url)
    world = World(Settings(), database, redis)
    row = await planned(world, "rebuild index", method="hnsw", m=16, ef_construction=100, workers=0)

    async def soon() -> None:
        if at == "CREATE INDEX":
            restarts.append(asyncio.create_task(_after(0.7, lambda: restart(own_postgres))))
        else:
            await restart(own_postgres)

    restarts: list[asyncio.Task[None]] = []
    with when_it_says(monkeypatch, at, soon):
        await asyncio.wait_for(running.run_operation(world, row.id, "worker 1"), 100)
    await asyncio.gather(*restarts)
    ended = await planning.get(world, row.id)
    assert ended.state is State.DONE, await log_of(world, row)
    await sound(world, row, new=True)
    await redis.aclose()
    await database.close()


async def restart(server: Postgres) -> None:
    await asyncio.to_thread(server.stop)
    server.start()
    await asyncio.to_thread(server.wait_until_ready)


async def _after(seconds: float, act: Callable[[], Any]) -> None:
    await asyncio.sleep(seconds)
    await act()


@pytest.fixture
def slow_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A revision that takes a while in the middle, and a concurrent index after it; the folder that has them."""
    folder = tmp_path / "alembic"
    shutil.copytree(scripts.SCRIPTS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    head = scripts.revisions()[0]
    bodies = {
        "9001": (
            'op.add_column("feeds", sa.Column("language", sa.Text()))\n    op.execute("select pg_sleep(1.2)")',
            'op.drop_column("feeds", "language")',
        ),
        "9002": (
            (
                "with op.get_context().autocommit_block():\n"
                '        op.create_index("by_title", "feeds", ["title"], postgresql_concurrently=True)'
            ),
            'op.drop_index("by_title", "feeds")',
        ),
    }
    for revision, (up, down) in bodies.items():
        (folder / "versions" / f"{revision}_slow.py").write_text(
            f'"""slow"""\n\nimport sqlalchemy as sa\nfrom alembic import op\n\nrevision = "{revision}"\n'
            f'down_revision = "{head if revision == "9001" else "9001"}"\n\n\n'
            f"def upgrade():\n    {up}\n\n\ndef downgrade():\n    {down}\n"
        )

    def forget() -> None:
        scripts.revisions.cache_clear()
        statements._of.cache_clear()

    monkeypatch.setattr(scripts, "SCRIPTS", folder)
    monkeypatch.setattr("core.migrations.migrate.drift", lambda url: ())
    forget()
    yield folder
    monkeypatch.undo()
    forget()


@pytest.mark.parametrize("at", ["Cancelled by", "DROP INDEX"])
async def test_a_rebuild_whose_worker_is_killed_on_the_way_back_is_undone_by_another(
    world: World, database_url: str, redis_url: str, at: str
) -> None:
    fill(database_url)
    row = await planned(world, "rebuild index", lists=25)
    await die_at(world, row, redis_url, at, cancel="idx_embeddings_vector_new is valid")
    await asyncio.wait_for(running.run_operation(world, row.id, "the next worker"), 60)
    assert (await planning.get(world, row.id)).state is State.CANCELLED, await log_of(world, row)
    await sound(world, row, new=False)


@pytest.mark.parametrize("way", ["up", "down"])
@pytest.mark.parametrize(
    ("at", "after"), [("Preflight.", 0.0), ("Revision 9001.", 0.8), ("Revision 9002.", 0.0), ("Verify.", 0.0)]
)
async def test_a_migration_is_finished_by_another_worker_wherever_the_first_one_is_killed(
    world: World, database_url: str, redis_url: str, slow_revision: Path, at: str, after: float, way: str
) -> None:
    end: str | None = "9002"
    if way == "down":
        end = migrations.status(database_url).current
        await asyncio.to_thread(migrations.upgrade, database_url)
    row = await planned(world, "upgrade schema" if way == "up" else "downgrade schema", revision=end)
    await die_at(world, row, redis_url, at, after if way == "up" else 0.0, scripts=str(slow_revision))
    await asyncio.wait_for(running.run_operation(world, row.id, "the next worker"), 60)
    assert (await planning.get(world, row.id)).state is State.DONE, await log_of(world, row)
    assert migrations.status(database_url).current == end
    async with world.database.session() as session:
        assert await invalid_indexes.read(session) == ()


@pytest.mark.parametrize("at", ["Cancelled by", "Taking"])
async def test_a_migration_whose_worker_is_killed_on_the_way_back_is_undone_by_another(
    world: World, database_url: str, redis_url: str, slow_revision: Path, at: str
) -> None:
    # A column would be lost on the way back, which is then not taken.
    first = slow_revision / "versions" / "9001_slow.py"
    text = first.read_text().replace('add_column("feeds", sa.Column("language", sa.Text()))', 'execute("select 1")')
    first.write_text(text.replace('drop_column("feeds", "language")', 'execute("select 1")'))
    before = migrations.status(database_url).current
    row = await planned(world, "upgrade schema", revision="9002")
    await die_at(world, row, redis_url, at, scripts=str(slow_revision), cancel="Revision 9002.")
    await asyncio.wait_for(running.run_operation(world, row.id, "the next worker"), 60)
    assert (await planning.get(world, row.id)).state is State.CANCELLED, await log_of(world, row)
    assert migrations.status(database_url).current == before


async def test_a_concurrent_index_of_a_migration_whose_worker_is_killed_is_built_anew(
    world: World, database_url: str, redis_url: str, slow_revision: Path
) -> None:
    row = await planned(world, "upgrade schema", revision="9002")
    with psycopg.connect(database_url) as old:
        # An old snapshot, of any table, keeps the build waiting: the worker dies in the middle of it.
        old.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        old.execute("select count(*) from users")
        await die_at(world, row, redis_url, "Revision 9002.", 1.5, scripts=str(slow_revision))
    await asyncio.wait_for(running.run_operation(world, row.id, "the next worker"), 60)
    assert (await planning.get(world, row.id)).state is State.DONE, await log_of(world, row)
    with psycopg.connect(database_url) as connection:
        row_ = connection.execute("select indisvalid from pg_index where indexrelid = 'by_title'::regclass").fetchone()
    assert row_ == (True,)


async def test_a_migration_whose_worker_is_killed_after_it_dropped_an_index_is_finished_by_another(
    world: World, database_url: str, redis_url: str, slow_revision: Path
) -> None:
    first = slow_revision / "versions" / "9001_slow.py"
    drop = 'with op.get_context().autocommit_block():\n        op.drop_index("by_url", postgresql_concurrently=True)'
    first.write_text(first.read_text().replace("def upgrade():\n", f"def upgrade():\n    {drop}\n"))
    with psycopg.connect(database_url) as connection:
        connection.execute("create index by_url on feeds (url)")
    row = await planned(world, "upgrade schema", revision="9001")
    await die_at(world, row, redis_url, "ALTER TABLE", scripts=str(slow_revision))
    await asyncio.wait_for(running.run_operation(world, row.id, "the next worker"), 60)
    assert (await planning.get(world, row.id)).state is State.DONE, await log_of(world, row)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("select count(*) from pg_class where relname = 'by_url'").fetchone() == (0,)


async def test_a_migration_that_is_cancelled_in_the_middle_leaves_nothing_of_it(
    world: World, database_url: str, slow_revision: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = migrations.status(database_url).current
    row = await planned(world, "upgrade schema", revision="9001")

    async def stop() -> None:
        await cancel(world, ADA, "browser", row.id)

    with when_it_says(monkeypatch, "ALTER TABLE feeds", stop):
        await asyncio.wait_for(running.run_operation(world, row.id, "worker 1"), 60)
    assert (await planning.get(world, row.id)).state is State.CANCELLED, await log_of(world, row)
    assert migrations.status(database_url).current == before


async def test_a_migration_survives_a_restart_of_postgres(
    own_postgres: Postgres, redis_url: str, slow_revision: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, redis = Database(own_postgres.url, application="chaos"), queues.connect(redis_url)
    world = World(Settings(), database, redis)
    row = await planned(world, "upgrade schema", revision="9002")
    restarts: list[asyncio.Task[None]] = []

    async def soon() -> None:
        restarts.append(asyncio.create_task(_after(0.5, lambda: restart(own_postgres))))

    with when_it_says(monkeypatch, "Revision 9001.", soon):
        await asyncio.wait_for(running.run_operation(world, row.id, "worker 1"), 60)
    await asyncio.gather(*restarts)
    assert (await planning.get(world, row.id)).state in ENDED, await log_of(world, row)
    again = await planning.get(world, row.id)
    if again.state is not State.DONE:
        # It said what happened, nothing of it was left, and the next try works.
        assert again.state is State.ROLLED_BACK, await log_of(world, row)
        row = await planned(world, "upgrade schema", revision="9002")
        await asyncio.wait_for(running.run_operation(world, row.id, "worker 2"), 60)
    assert migrations.status(own_postgres.url).current == "9002"
    await redis.aclose()
    await database.close()


async def test_two_workers_never_have_one_operation_at_once(
    world: World, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Four in one process, with an index being measured, may well be late by a second; that is no death.
    monkeypatch.setattr(running, "LEASE", dt.timedelta(seconds=15))
    fill(database_url)
    row = await planned(world, "rebuild index", lists=25)
    await asyncio.wait_for(asyncio.gather(*(running.run_operation(world, row.id, f"worker {n}") for n in range(4))), 90)
    log = await log_of(world, row)
    assert log.count("CREATE INDEX") == 1
    assert (await planning.get(world, row.id)).takeovers == 0
    await sound(world, row, new=True)


async def test_the_dashboard_is_killed_while_what_it_approved_runs_and_nothing_notices(
    world: World,
    database_url: str,
    redis_url: str,
    slow_revision: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fill(database_url)
    token = await tokens.create(world.database, ADA, "cli", name="ada", role=Role.ADMIN, now=dt.datetime.now(dt.UTC))
    asked = ("index/rebuild", {"lists": 25}, "CREATE INDEX"), ("migrations/upgrade", {"revision": "9002"}, "Revision")
    made: list[OperationRow] = []
    for address, choices, at in asked:
        async with dashboard(tmp_path, slow_revision, token.secret, database_url, redis_url) as (http, process):
            for earlier in made:
                assert (await http.get(f"operations/{earlier.id}")).json()["state"] == "done"
            row = (await http.post(address, json=choices)).json()
            approved = await http.post(f"operations/{row['id']}/approve", json={"plan_hash": row["plan_hash"]})
            assert approved.json()["state"] == "approved", approved.text
            made.append(await planning.get(world, uuid.UUID(row["id"])))

            async def kill(process: asyncio.subprocess.Process = process) -> None:
                process.kill()

            with when_it_says(monkeypatch, at, kill):
                await asyncio.wait_for(running.run_operation(world, made[-1].id, "worker 1"), 60)
            assert await process.wait() == -9
    assert [(await planning.get(world, row.id)).state for row in made] == [State.DONE] * 2
    assert migrations.status(database_url).current == "9002"
    await sound(world, made[0], new=True)


@contextlib.asynccontextmanager
async def dashboard(
    folder: Path, revisions: Path, token: str, database: str, redis: str
) -> AsyncIterator[tuple[httpx.AsyncClient, asyncio.subprocess.Process]]:
    """A dashboard in a process of its own, which knows the revisions of the test, and a client of its API."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = (
        "import sys; from pathlib import Path; from core.migrations import scripts;"
        " scripts.SCRIPTS = Path(sys.argv.pop(1)); from dashboard.cli.app import app; app()"
    )
    own = {"PORT": str(port), "SIGNALIST_DATA_DIR": str(folder), "DATABASE_URL": database, "REDIS_URL": redis}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("NICEGUI_", "PYTEST_"))}
    with (folder / "dashboard.log").open("a") as log:
        command = [sys.executable, "-c", code, str(revisions), "dashboard"]
        process = await asyncio.create_subprocess_exec(*command, env=inherited | own, stdout=log, stderr=log)
    header, address = {"Authorization": f"Bearer {token}"}, f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(base_url=f"{address}/api/v1/", headers=header, timeout=30) as http:
            async with asyncio.timeout(45):
                while not await _answers(http, f"{address}/health/live"):
                    assert process.returncode is None, (folder / "dashboard.log").read_text()
                    await asyncio.sleep(0.05)
            yield http, process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _answers(http: httpx.AsyncClient, address: str) -> bool:
    try:
        return (await http.get(address)).status_code == 200
    except httpx.TransportError:
        return False


async def test_of_articles_that_are_embedded_anew_only_those_in_hand_are_paid_for_twice_when_the_worker_is_killed(
    database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("insert into feeds (url) values ('http://example.org')")
        connection.execute(
            "insert into articles (feed_id, guid, title, content_hash)"
            " select f.id, n, 'Article number ' || n, '' from feeds f, generate_series(1, 40) n"
        )
    paid: Counter[str] = Counter()
    victim: asyncio.Future[asyncio.subprocess.Process] = asyncio.get_running_loop().create_future()

    async def embed(request: web.Request) -> web.Response:
        texts = (await request.json())["input"]
        paid.update(text for text in texts if text.startswith("Article"))
        if paid.total() == 14 and (process := await victim).returncode is None:
            process.kill()
            await process.wait()
        data = [{"object": "embedding", "index": n, "embedding": [1.0, n + 1.0]} for n in range(len(texts))]
        return web.json_response({"object": "list", "data": data, "model": "m", "usage": {}})

    app = web.Application()
    app.router.add_post("/v1/embeddings", embed)
    service = web.AppRunner(app)
    await service.setup()
    await web.TCPSite(service, "127.0.0.1", 0).start()
    monkeypatch.setenv("OPENAI_API_KEY", "key")
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{service.addresses[0][1]}/v1")
    database, redis = Database(database_url, application="chaos"), queues.connect(redis_url)
    world = World(Settings(), database, redis)
    row = await planned(world, "embed articles")
    config = {"database": database_url, "redis": redis_url, "operation": str(row.id), "at": "never", "after": 0.0}
    victim.set_result(
        await asyncio.create_subprocess_exec(
            sys.executable, str(WORKER), json.dumps(config), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    )
    async with asyncio.timeout(60):
        await (await victim).wait()
        await running.run_operation(world, row.id, "the next worker")
    ended = await planning.get(world, row.id)
    assert (ended.state, ended.takeovers) == (State.DONE, 1), await log_of(world, row)
    assert len(paid) == 40
    assert sum(times - 1 for times in paid.values()) <= reembed.AT_ONCE
    with psycopg.connect(database_url) as connection:
        found = connection.execute("select count(distinct article_id) from article_embeddings").fetchone()
    assert found == (40,)
    await service.cleanup()
    await redis.aclose()
    await database.close()

"""Real servers, started once; a fresh database and an empty Valkey for each test; a real Chromium, if there is one."""

import io
import logging
import os
import shutil
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

import psycopg
import pytest
import structlog
from argon2 import PasswordHasher
from redis import Redis

from core import logs, migrations
from core.accounts import passwords
from core.config import Settings
from core.db import Database
from core.queues import keys
from core.servers.postgres import TUNING, Postgres
from core.servers.valkey import Valkey

# With Rich, a traceback costs structlog a minute of processor time: it shows every value of every frame.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)

TEMPLATE = "signalist_template"
TEST = "signalist_test"
APP = "signalist_app"
LEAST_PRIVILEGE = Path(__file__).parents[1] / "docs" / "least-privilege.sql"
# Tests lose nothing that matters when the machine fails, and make a database each.
CARELESS = MappingProxyType({**TUNING, "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"})
# 2200 is the schema public, and what is from 16384 on was not there after initdb.
SHAPE = (
    "select oid, relname, relkind, relowner, relacl, reloptions from pg_class where relnamespace = 2200",
    "select attrelid, attname, atttypid, attnotnull, atthasdef from pg_attribute where attrelid >= 16384",
    "select indexrelid, indisvalid from pg_index",
    "select oid, tgenabled from pg_trigger",
    "select oid, conname, convalidated from pg_constraint",
    "select oid, xmin from pg_proc where pronamespace = 2200",
    "select extname, extversion from pg_extension",
    "select * from pg_db_role_setting",
    "select * from alembic_version",
)


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: tests of browsers and of chaos wait for half of their time."""
    return (os.cpu_count() or 1) + 1


@dataclass
class Slate:
    """The one database that tests write on, in turns.

    It is emptied for each test, in a tenth of the time that a new one takes, and thrown away when a test has changed
    more than rows. `generation` counts the databases that there were.
    """

    server: Postgres
    generation: int = 0
    _shape: str = ""

    def wipe(self) -> None:
        """Makes it as the migrations leave it."""
        if not (self._shape and self._emptied()):
            self._renew()

    def spoil(self) -> None:
        """The next test gets a new one."""
        self._shape = ""

    def _emptied(self) -> bool:
        try:
            with psycopg.connect(self.server.admin_url(TEST), autocommit=True) as admin:
                # What a test killed may hold locks for a while. A dashboard may be shared, and holds them briefly.
                admin.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
                    " and pid <> pg_backend_pid() and application_name <> 'signalist-dashboard'"
                )
                if _shape(admin) != self._shape:
                    return False
                # Without the triggers, which guard or count what is deleted.
                admin.execute("set session_replication_role = replica; set lock_timeout = '5s'")
                admin.execute(f"truncate {_tables(admin)} restart identity")
                admin.execute("select pg_stat_reset()")
        except psycopg.Error:  # closed, read-only, or gone
            return False
        return True

    def _renew(self) -> None:
        with _admin(self.server) as admin:
            admin.execute(f"drop database if exists {TEST} with (force)")
            admin.execute(f"create database {TEST} owner signalist template {TEMPLATE} strategy file_copy")
        with psycopg.connect(self.server.admin_url(TEST)) as admin:
            self._shape = _shape(admin)
        self.generation += 1


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A real Postgres with pgvector, with a migrated template database in it."""
    server = Postgres(tmp_path_factory.mktemp("postgres"), tuning=CARELESS)
    server.start()
    server.wait_until_ready()
    with _admin(server) as admin:
        admin.execute(f"create database {TEMPLATE} owner signalist")
    migrations.upgrade(_url(server, TEMPLATE))
    with _admin(server) as admin:
        admin.execute(f"create role {APP} login in role pg_monitor")
    with psycopg.connect(_url(server, TEMPLATE), autocommit=True) as owner:
        owner.execute(LEAST_PRIVILEGE.read_bytes())
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_url(postgres: Postgres) -> str:
    """The address of its superuser."""
    return postgres.admin_url("postgres")


@pytest.fixture(scope="session")
def slate(postgres: Postgres) -> Slate:
    """What the tests write on."""
    return Slate(postgres)


@pytest.fixture
def database_url(slate: Slate) -> str:
    """The address of a database as the migrations leave it, for the plain role that owns it."""
    slate.wipe()
    return _url(slate.server, TEST)


@pytest.fixture
def app_url(database_url: str) -> str:
    """The address of that database for the role that may do only what the application has to."""
    return database_url.replace("://signalist@", f"://{APP}@")


@pytest.fixture
async def database(app_url: str, database_url: str) -> AsyncIterator[Database]:
    """A pool on a fresh, migrated database, of the role with the least privileges."""
    pool = Database(app_url, application="test", owner_url=database_url)
    yield pool
    await pool.close()


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real Valkey."""
    server = Valkey(tmp_path_factory.mktemp("valkey"))
    server.start()
    server.wait_until_ready()
    yield server.url
    server.stop()


@pytest.fixture
def redis_url(valkey_url: str) -> str:
    """The address of a Valkey without jobs. It has been in use for long: in a new one, workers hold back at first."""
    with Redis.from_url(valkey_url) as redis:
        redis.flushall()
        for queue in keys.QUEUES:
            redis.hset(f"signalist:{{{queue}}}:counts", "since", 0)
    return valkey_url


@pytest.fixture
def fill_redis(redis_url: str) -> Iterator[Callable[[], None]]:
    """When it is called, Valkey has reached its memory limit, until the end of the test."""
    with Redis.from_url(redis_url) as redis:
        yield lambda: redis.config_set("maxmemory", "1mb")
        redis.config_set("maxmemory", "0")


@pytest.fixture
def json_log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What this process logs, as JSON; the log's set-up is put back afterwards."""
    root, chosen = logging.getLogger(), structlog.get_config()
    handlers, level, stderr = root.handlers, root.level, io.StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    logs.configure(Settings(_env_file=None, LOG_FORMAT="json", LOG_LEVEL="DEBUG"))
    yield stderr
    root.handlers, root.level = handlers, level
    logging.captureWarnings(capture=False)
    structlog.configure(**chosen)


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The program of a Chromium or Chrome; the test is skipped where there is none."""
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        if found := shutil.which(name):
            return Path(found)
    pytest.skip("No Chromium on this machine: install the package `chromium` to run the browser tests.")


def _shape(admin: psycopg.Connection) -> str:
    """A fingerprint of all that is not rows."""
    parts = ",".join(f"(select string_agg(t::text, ',' order by t::text) from ({part}) t)" for part in SHAPE)
    (found,) = admin.execute(f"select md5(concat({parts}))").fetchone()
    return found


def _tables(admin: psycopg.Connection) -> str:
    (found,) = admin.execute(
        "select string_agg(oid::regclass::text, ', ') from pg_class where relkind = 'r'"
        " and relnamespace = 'public'::regnamespace and relname <> 'alembic_version'"
    ).fetchone()
    return found


def _admin(server: Postgres) -> psycopg.Connection:
    return psycopg.connect(server.admin_url("postgres"), autocommit=True)


def _url(server: Postgres, database: str) -> str:
    return server.url.replace("@/signalist?", f"@/{database}?")


@pytest.fixture
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that are not about the strength of hashes."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    # The hash that unknown names are compared with is made once, with the hasher of that time.
    monkeypatch.setattr(passwords, "_nobodys", cache(passwords._nobodys.__wrapped__))

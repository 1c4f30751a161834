"""Real servers, started once; a fresh database and an empty Valkey for each test; a real Chromium, if there is one."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import MappingProxyType

import psycopg
import pytest
from redis import Redis

from core import migrations
from core.db import Database
from core.servers.postgres import TUNING, Postgres
from core.servers.valkey import Valkey

TEMPLATE = "signalist_template"
TEST = "signalist_test"
# Tests lose nothing that matters when the machine fails, and make a database each.
CARELESS = MappingProxyType({**TUNING, "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"})


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A real Postgres with pgvector, with a migrated template database in it."""
    server = Postgres(tmp_path_factory.mktemp("postgres"), tuning=CARELESS)
    server.start()
    server.wait_until_ready()
    with _admin(server) as admin:
        admin.execute(f"create database {TEMPLATE} owner signalist")
    migrations.upgrade(_url(server, TEMPLATE))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_url(postgres: Postgres) -> str:
    """The address of its superuser."""
    return postgres.admin_url("postgres")


@pytest.fixture
def database_url(postgres: Postgres) -> Iterator[str]:
    """The address of a fresh, migrated database, for the plain role that owns it."""
    with _admin(postgres) as admin:
        admin.execute(f"drop database if exists {TEST} with (force)")
        admin.execute(f"create database {TEST} owner signalist template {TEMPLATE} strategy file_copy")
    yield _url(postgres, TEST)
    with _admin(postgres) as admin:
        admin.execute(f"drop database if exists {TEST} with (force)")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A pool on a fresh, migrated database."""
    pool = Database(database_url, application="test")
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
    """The address of an empty Valkey."""
    with Redis.from_url(valkey_url) as redis:
        redis.flushall()
    return valkey_url


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The program of a Chromium or Chrome; the test is skipped where there is none."""
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        if found := shutil.which(name):
            return Path(found)
    pytest.skip("No Chromium on this machine: install the package `chromium` to run the browser tests.")


def _admin(server: Postgres) -> psycopg.Connection:
    return psycopg.connect(server.admin_url("postgres"), autocommit=True)


def _url(server: Postgres, database: str) -> str:
    return server.url.replace("@/signalist?", f"@/{database}?")

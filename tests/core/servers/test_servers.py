"""The embedded servers: they start anywhere, keep what they were given, and open to nobody else."""

import os
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from redis import Redis

from core.errors import ServerFailed
from core.servers.postgres import Postgres
from core.servers.server import Server
from core.servers.valkey import Valkey


@contextmanager
def running(server: Server) -> Iterator[Any]:
    server.start()
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data dir that the tests of this file start their servers on, one after the other."""
    return tmp_path_factory.mktemp("root")


def keep(postgres: Postgres, word: str) -> None:
    with psycopg.connect(postgres.url) as connection:
        connection.execute("create table if not exists words (word text)")
        connection.execute("insert into words values (%s)", (word,))


def kept(postgres: Postgres) -> set[str]:
    with psycopg.connect(postgres.url) as connection:
        return {row[0] for row in connection.execute("select word from words")}


def test_what_was_stored_is_there_at_the_next_start(root: Path) -> None:
    with running(Postgres(root)) as postgres, running(Valkey(root)) as valkey:
        keep(postgres, "stored")
        Redis.from_url(valkey.url).set("word", "stored")
    with running(Postgres(root)) as postgres, running(Valkey(root)) as valkey:
        assert "stored" in kept(postgres)
        assert Redis.from_url(valkey.url).get("word") == b"stored"


def test_what_was_stored_survives_kill_9(root: Path) -> None:
    with running(Postgres(root)) as postgres, running(Valkey(root)) as valkey:
        keep(postgres, "survived")
        redis = Redis.from_url(valkey.url)
        redis.set("word", "survived")
        redis.waitaof(1, 0, 5000)  # it promises everysec: wait until that second is over
        for server in (postgres, valkey):
            server.process.kill()
            server.process.wait()
    with running(Postgres(root)) as postgres, running(Valkey(root)) as valkey:
        assert "survived" in kept(postgres)
        assert Redis.from_url(valkey.url).get("word") == b"survived"


@pytest.mark.parametrize("kind", [Postgres, Valkey])
def test_a_server_left_over_from_a_killed_start_is_replaced(root: Path, kind: type[Server]) -> None:
    with running(kind(root)) as leftover, running(kind(root)) as fresh:
        assert not leftover.process.is_running()
        assert fresh.process.poll() is None


@pytest.mark.parametrize("kind", [Postgres, Valkey])
def test_a_process_id_given_to_another_program_since_is_no_obstacle(root: Path, kind: type[Server]) -> None:
    with running(kind(root)):
        pass
    with subprocess.Popen(["sleep", "60"]) as other:
        kind(root).pid_file.write_text(f"{other.pid}\n{kind(root).folder}\n")
        with running(kind(root)):
            assert other.poll() is None
        other.kill()


@pytest.mark.parametrize(
    "name",
    ["with space", "100% 'quoted' \"twice\"", "a,comma", "ümlaut", "long" * 40],
)
def test_any_folder_will_do(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    with running(Valkey(folder)) as valkey, running(Postgres(folder)) as postgres:
        Redis.from_url(valkey.url).ping()
        keep(postgres, name)
        sockets = postgres.socket.parent
    assert not sockets.exists()


def test_a_folder_that_only_we_may_enter_stays_so(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    (closed / "var").mkdir()
    with running(Postgres(closed / "var")) as postgres:
        keep(postgres, "in a closed folder")
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


def test_nobody_else_gets_at_the_data_or_the_sockets(root: Path) -> None:
    with running(Postgres(root)) as postgres, running(Valkey(root)) as valkey:
        for folder in (postgres.folder, valkey.folder, postgres.socket.parent, valkey.socket.parent):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        listening = [c for server in (postgres, valkey) for c in server.process.net_connections("inet")]
        assert not listening


def test_the_servers_never_run_as_root(root: Path) -> None:
    with running(Postgres(root)) as postgres, running(Valkey(root)) as valkey:
        assert 0 not in (*postgres.process.uids(), *valkey.process.uids())


def test_the_owner_of_the_database_may_watch_the_server_but_not_rule_it(root: Path) -> None:
    with running(Postgres(root)) as postgres, psycopg.connect(postgres.url, autocommit=True) as owner:
        owner.execute("select '[1,2,3]'::vector")
        owner.execute("select query from pg_stat_activity")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            owner.execute("select pg_read_file('/etc/passwd')")


def test_valkey_keeps_every_command_and_evicts_nothing(root: Path) -> None:
    with running(Valkey(root)) as valkey:
        config = Redis.from_url(valkey.url, decode_responses=True).config_get("*")
    assert config["appendonly"] == "yes"
    assert config["appendfsync"] == "everysec"
    assert config["maxmemory-policy"] == "noeviction"
    assert config["maxmemory"] == str(256 * 1024 * 1024)


def test_our_environment_and_its_secrets_are_not_handed_on(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPORT", "6543")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-something-secret")
    with running(Postgres(root)) as postgres, running(Valkey(root)) as valkey:
        for server in (postgres, valkey):
            assert set(psutil.Process(server.process.pid).environ()) <= {"PATH", "LC_ALL", "PGDATA"}
        assert kept(postgres)


def test_data_of_another_postgres_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("16\n")
    with pytest.raises(ServerFailed, match=r"was made by Postgres 16 and this is 18"):
        Postgres(tmp_path).start()


def test_an_interrupted_first_start_is_done_again(tmp_path: Path) -> None:
    (tmp_path / "postgres.unfinished").mkdir()
    (tmp_path / "postgres.unfinished" / "PG_VERSION").write_text("18\n")
    with running(Postgres(tmp_path)) as postgres:
        keep(postgres, "done")
    assert not (tmp_path / "postgres.unfinished").exists()


@pytest.mark.parametrize("kind", [Postgres, Valkey])
def test_what_stands_in_the_way_is_named(tmp_path: Path, kind: type[Server]) -> None:
    (tmp_path / kind.folder_name).write_text("a file where a folder should be")
    with pytest.raises(ServerFailed, match=f"The embedded {kind.name} did not start: .*{kind.folder_name}") as caught:
        kind(tmp_path).start()
    assert str(caught.value).count("\n") == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="Only root can make a small disk.")
@pytest.mark.parametrize("kind", [Postgres, Valkey])
def test_a_full_disk_is_named(tmp_path: Path, kind: type[Server]) -> None:
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", tmp_path], check=False).returncode != 0:
        pytest.skip("This root may not mount a small disk.")
    try:
        (tmp_path / "filler").write_bytes(bytes(56 * 1024))
        with pytest.raises(ServerFailed, match="No space left on device"), running(kind(tmp_path)):
            pass
    finally:
        subprocess.run(["umount", tmp_path], check=True)

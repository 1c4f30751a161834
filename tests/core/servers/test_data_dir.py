"""One data dir, one Signalist; and the addresses that the others find in it."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from core.config import Settings
from core.errors import Conflict, ServerFailed, Unavailable
from core.servers.data_dir import announced, held

HOLD = """
import sys
from pathlib import Path
from core.servers.data_dir import held
with held(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_the_second_on_a_data_dir_is_told_who_the_first_is(tmp_path: Path) -> None:
    with holder(tmp_path) as first:
        with pytest.raises(Conflict, match=f"as process {first.pid}"), held(tmp_path):
            pass
        assert first.poll() is None
        first.kill()


def test_a_holder_that_was_killed_is_no_obstacle(tmp_path: Path) -> None:
    with holder(tmp_path) as first:
        first.kill()
    with held(tmp_path) as root:
        assert root == tmp_path


def test_the_data_dir_is_made(tmp_path: Path) -> None:
    with held(tmp_path / "new" / "var") as root:
        assert root.is_dir()


def test_a_data_dir_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ServerFailed, match="file/var cannot be used: Not a directory"), held(tmp_path / "file" / "var"):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="Root may write everywhere.")
def test_a_data_dir_of_somebody_else_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ServerFailed, match="cannot be used: Permission denied"), held(tmp_path / "var"):
        pass


def test_addresses_are_found_while_the_servers_run_and_by_us_alone(tmp_path: Path) -> None:
    chosen = Settings(_env_file=None, SIGNALIST_DATA_DIR=tmp_path, database_url=None, redis_url=None)
    with announced(chosen, {"DATABASE_URL": "postgresql://here"}):
        assert chosen.database() == "postgresql://here"
        assert stat.S_IMODE(chosen.servers_file.stat().st_mode) == 0o600
        with pytest.raises(Unavailable, match="Redis cannot be reached"):
            chosen.redis()
    with pytest.raises(Unavailable, match="signalist up"):
        chosen.database()


def test_addresses_that_a_killed_one_left_are_replaced(tmp_path: Path) -> None:
    chosen = Settings(_env_file=None, SIGNALIST_DATA_DIR=tmp_path, database_url=None, redis_url=None)
    chosen.servers_file.write_text(json.dumps({"REDIS_URL": "unix:///gone"}))
    with announced(chosen, {"REDIS_URL": "unix:///here"}):
        assert chosen.redis() == "unix:///here"

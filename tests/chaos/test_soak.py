"""The short form of the soak; tests/chaos/soak.py is the long one."""

import subprocess
import sys
from pathlib import Path

import pytest

SOAK = Path(__file__).with_name("soak.py")


@pytest.mark.chaos
@pytest.mark.timeout(180)
def test_hundreds_of_jobs_under_random_faults_lose_nothing_and_never_run_twice_at_once() -> None:
    command = [sys.executable, str(SOAK), "--jobs", "600", "--seconds", "20", "--seed", "4"]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=170)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "LOST" in ended.stdout

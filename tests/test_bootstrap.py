"""The set-up of .venv says what a machine lacks, and does nothing when nothing is to be done."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What a set-up reads, in a folder of its own."""
    for name in (
        "bootstrap.py",
        "pyproject.toml",
        "requirements.txt",
        "requirements-dev.txt",
        "requirements-bench.txt",
    ):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def set_up(checkout: Path, lock: str, before: str = "pass") -> subprocess.CompletedProcess[str]:
    """Runs it, after a line of Python that changes the machine that it finds."""
    code = f"import runpy, sys, pathlib; sys.argv = ['bootstrap.py', {lock!r}]; {before}; "
    code += f"runpy.run_path({str(checkout / 'bootstrap.py')!r}, run_name='__main__')"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env={"PATH": ""})


def pretend_installed(checkout: Path, lock: str) -> None:
    code = f"import bootstrap; stamp = bootstrap.stamp({lock!r}); stamp.parent.mkdir(); stamp.touch()"
    subprocess.run([sys.executable, "-c", code], cwd=checkout, check=True)


def test_an_old_python_can_read_it() -> None:
    ast.parse((ROOT / "bootstrap.py").read_text(), feature_version=(3, 6))


def test_an_old_python_is_told_which_one_is_needed(checkout: Path) -> None:
    done = set_up(checkout, "requirements.txt", before="sys.version_info = (3, 9, 18, 'final', 0)")
    assert done.returncode == 1
    assert done.stderr.startswith("Signalist needs Python 3.11 or newer, and ")
    assert "make PYTHON=" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_python_without_venv_is_told_what_to_install(checkout: Path) -> None:
    done = set_up(checkout, "requirements.txt", before="sys.modules['ensurepip'] = None")
    assert done.returncode == 1
    assert f"apt install python{sys.version_info.major}.{sys.version_info.minor}-venv" in done.stderr
    assert not (checkout / ".venv").exists()


@pytest.mark.parametrize("wanted", ["requirements.txt", "requirements-dev.txt"])
def test_what_a_larger_lock_includes_is_installed_already(checkout: Path, wanted: str) -> None:
    pretend_installed(checkout, "requirements-dev.txt")
    done = set_up(checkout, wanted)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_changed_lock_is_installed_anew(checkout: Path) -> None:
    pretend_installed(checkout, "requirements.txt")
    with (checkout / "requirements.txt").open("a") as lock:
        lock.write("\n")
    done = set_up(checkout, "requirements.txt", before="sys.modules['ensurepip'] = None")
    assert done.stderr.startswith("Setting up .venv from requirements.txt")

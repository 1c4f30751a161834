"""Makes `.venv` hold what a lock file says, and Signalist itself: `python3 bootstrap.py requirements.txt`.

Does nothing, quickly, when it does already. Runs on any Python since 3.6, so that an old one is told what is missing,
and with nothing outside the standard library.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
UV = VENV / "bin" / "uv"
OLDEST = (3, 11)
CANDIDATES = ("python3.14", "python3.13", "python3.12", "python3.11")
# Each holds all of the one before it.
LOCKS = ("requirements.txt", "requirements-dev.txt", "requirements-bench.txt")
VERSION = "%d.%d" % sys.version_info[:2]


def main(lock):
    """Installs what `lock` says, unless that or a lock that includes it is installed."""
    find_a_python_that_is_new_enough()
    if is_installed(lock):
        return
    with Path(__file__).open() as only_one:
        fcntl.flock(only_one, fcntl.LOCK_EX)
        if is_installed(lock):
            return
        say(f"Setting up .venv from {lock}.")
        make_venv()
        for old in VENV.glob(".installed-*"):
            old.unlink()
        install(lock)
        stamp(lock).touch()


def find_a_python_that_is_new_enough():
    """Goes on with a newer Python of this machine when this one is too old."""
    if sys.version_info >= OLDEST:
        return
    newer = next(filter(None, map(shutil.which, CANDIDATES)), None)
    if newer is None:
        stop(
            f"Signalist needs Python 3.11 or newer, and {sys.executable} is {VERSION}. "
            "Install one, or name one that is not on the PATH: make PYTHON=/path/to/python3"
        )
    os.execv(newer, [newer, *sys.argv])


def is_installed(lock):
    return any(stamp(name).exists() for name in LOCKS[LOCKS.index(lock) :])


def stamp(lock):
    """The file that says that `lock`, as it reads now, is installed for this Python."""
    content = (ROOT / lock).read_bytes() + (ROOT / "pyproject.toml").read_bytes()
    return VENV / f".installed-{Path(lock).stem}-{VERSION}-{hashlib.sha256(content).hexdigest()[:16]}"


def make_venv():
    """Makes .venv unless there is one of this version that works."""
    check = "import pip, sys; print('%d.%d' % sys.version_info[:2])"
    if PYTHON.exists():
        found = subprocess.run([str(PYTHON), "-c", check], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if found.stdout.decode().strip() == VERSION:
            return
    try:
        import ensurepip  # noqa: F401 - Debian has venv without it, which then fails half-way
        import venv
    except ImportError:
        stop(
            f"{sys.executable} cannot make virtual environments. "
            f"On Debian and Ubuntu: apt install python{VERSION}-venv, then run the same command again."
        )
    say("The first time, this downloads some 150 MB.")
    venv.create(str(VENV), clear=True, with_pip=True, symlinks=True)


def install(lock):
    """With uv, which takes seconds where pip takes a minute, or with pip where uv cannot be had."""
    if not UV.exists() and call(PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "uv") != 0:
        say("Without uv it takes a little longer.")
    tool = [UV, "pip", "install", "--python", PYTHON] if UV.exists() else [PYTHON, "-m", "pip", "install"]
    for what in (["--require-hashes", "--no-deps", "--requirement", ROOT / lock], ["--no-deps", "--editable", ROOT]):
        if call(*tool, "--quiet", *what) != 0:
            stop("The set-up failed, the lines above say why. Run the same command again when that is mended.")


def call(*command):
    return subprocess.run([str(word) for word in command], cwd=str(ROOT)).returncode


def say(sentence):
    sys.stderr.write(sentence + "\n")


def stop(sentence):
    say(sentence)
    sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1])

"""The command line, run in this process on the test's own servers."""

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pydantic_core
import pytest
import structlog

from core.config import settings
from dashboard.cli.app import main


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return pydantic_core.from_json(self.out)


@pytest.fixture
def signalist(
    app_url: str,
    database_url: str,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Callable[..., Done]]:
    """Types a command, with Postgres and Valkey of this test in the settings."""
    monkeypatch.chdir(tmp_path)  # where no .env is
    monkeypatch.setenv("DATABASE_URL", app_url)
    monkeypatch.setenv("ADMIN_DATABASE_URL", database_url)
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("SIGNALIST_DATA_DIR", str(tmp_path / "var"))
    root = logging.getLogger()
    handlers, level, chosen = root.handlers, root.level, structlog.get_config()

    def run(*words: str, stdin: bytes = b"") -> Done:
        settings.cache_clear()
        monkeypatch.setattr(sys, "argv", ["signalist", *words])
        monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(stdin)))
        try:
            with pytest.raises(SystemExit) as ended:
                main()
        finally:
            root.handlers, root.level = handlers, level
            logging.captureWarnings(capture=False)
            structlog.configure(**chosen)
        return Done(int(ended.value.code or 0), *capsys.readouterr())

    yield run
    settings.cache_clear()


@pytest.fixture
def at_a_terminal(signalist: Callable[..., Done]) -> Callable[..., Done]:
    """Types a command, and then an answer to what it asks: where it runs, somebody is there."""

    def run(answer: str, *words: str) -> Done:
        ours, theirs = os.openpty()
        os.write(ours, f"{answer}\n".encode())
        command = [sys.executable, "-P", "-m", "dashboard.cli", *words]
        done = subprocess.run(command, stdin=theirs, capture_output=True, text=True, timeout=60, check=False)
        os.close(ours)
        os.close(theirs)
        return Done(done.returncode, done.stdout, done.stderr)

    return run

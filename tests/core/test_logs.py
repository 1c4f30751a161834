"""What an operator finds in the log, and what nobody may find there."""

import io
import json
import logging
import re
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from core import logs
from core.config import Settings
from core.errors import Misconfigured

PASSWORD = "hunter2hunter2"
OPENAI_KEY = "sk-proj-abcdef0123456789"
APP_SECRET = "a-long-random-text"


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """The stderr of a process that logs as JSON; the log's set-up is put back afterwards."""
    root = logging.getLogger()
    before, level, chosen = root.handlers, root.level, structlog.get_config()
    stderr = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)
    logs.configure(settings(log_format="json"))
    yield stderr
    root.handlers, root.level = before, level
    logging.captureWarnings(capture=False)
    structlog.configure(**chosen)


def settings(**changes: str) -> Settings:
    values = {
        "app_secret": APP_SECRET,
        "database_url": f"postgresql://signalist:{PASSWORD}@db.example/signalist",
        "redis_url": f"redis://:{PASSWORD}@redis.example:6379/0",
        "openai_api_key": OPENAI_KEY,
    }
    return Settings(_env_file=None, **(values | changes))


def lines(log: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def test_an_event_is_one_json_line_with_time_level_and_facts(log: io.StringIO) -> None:
    structlog.get_logger("workers.crawl").info("crawled", feed=7, new=3)
    (line,) = lines(log)
    assert line["event"] == "crawled"
    assert line["level"] == "info"
    assert line["logger"] == "workers.crawl"
    assert (line["feed"], line["new"]) == (7, 3)
    assert str(line["timestamp"]).endswith("Z")


def test_a_library_that_uses_the_standard_log_comes_out_the_same_way(log: io.StringIO) -> None:
    logging.getLogger("some.library").warning("the %s is %d degrees", "oven", 200)
    warnings.warn("old ways", stacklevel=1)
    oven, old = lines(log)
    assert oven["event"] == "the oven is 200 degrees"
    assert "old ways" in str(old["event"])


class Textless:
    def __repr__(self) -> str:
        raise ValueError


@pytest.mark.parametrize(
    ("say", "said"),
    [
        (lambda log, _: log.warning("%d of %s", PASSWORD, 1), "'%d of %s' could not be written: TypeError."),
        (lambda log, _: log.warning(Textless()), "A Textless could not be written: ValueError."),
        (lambda log, _: log.warning("hi", extra={"a": Textless()}), "'hi' could not be written: ValueError."),
        (lambda _, log: log.warning("hi", a=Textless()), "'hi' could not be written: ValueError."),
    ],
)
def test_what_cannot_be_written_fails_nobody_and_is_told_of_without_its_values(
    log: io.StringIO,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    say: Callable[[Any, Any], None],
    said: str,
) -> None:
    root = logging.getLogger()
    # Without those of pytest, which want to hear of such a thing.
    monkeypatch.setattr(root, "handlers", [each for each in root.handlers if not each.__module__.startswith("_pytest")])
    kept = logs.keep()
    say(logging.getLogger("a.library"), structlog.get_logger("a.library"))
    (line,) = lines(log)
    assert (line["event"], line["level"], line["logger"]) == (said, "warning", "a.library")
    assert kept.text.endswith(f"[warning] {said}")
    assert capfd.readouterr() == ("", "")


def test_what_is_below_the_level_is_not_written(log: io.StringIO) -> None:
    structlog.get_logger().debug("too fine")
    logging.getLogger("httpx").info("HTTP Request: GET …")
    assert log.getvalue() == ""


def test_what_a_job_says_is_kept_however_little_is_written(log: io.StringIO, tmp_path: Path) -> None:
    file = tmp_path / "signalist.log"
    logs.configure_service(settings().model_copy(update={"log_level": "WARNING", "log_file": file}))
    kept = logs.keep()
    structlog.get_logger().info("a step", number=7)
    logging.getLogger("httpx").info("HTTP Request: GET …")
    assert (log.getvalue(), file.read_text()) == ("", "")
    assert kept.text.endswith("[info] a step number=7")


def test_no_secret_of_the_settings_reaches_the_log(log: io.StringIO) -> None:
    logger = structlog.get_logger()
    logger.info(f"starting with {APP_SECRET}", settings=settings(), key=OPENAI_KEY, nested={"deep": [f"x{APP_SECRET}"]})
    logger.info("connecting", url=settings().database(), also=("a", settings().redis()))
    assert APP_SECRET not in log.getvalue()
    assert OPENAI_KEY not in log.getvalue()
    assert PASSWORD not in log.getvalue()
    assert "db.example/signalist" in log.getvalue()  # where it connects to helps, and is no secret


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://u:not-in-settings@host/db",
        "redis://:not-in-settings@host",
        "postgresql:///db?host=/run&password=not-in-settings",
        "host=a password=not-in-settings dbname=b",
        "Authorization: Bearer not-in-settings",
        "Incorrect API key provided: sk-not-in-settings",
    ],
)
def test_what_looks_like_a_secret_is_blacked_out(log: io.StringIO, text: str) -> None:
    logging.getLogger("some.library").error(text)
    assert "not-in-settings" not in log.getvalue()
    assert logs.REDACTED in log.getvalue()


def test_a_traceback_that_quotes_a_secret_is_blacked_out(log: io.StringIO) -> None:
    try:
        int(f"{OPENAI_KEY} with redis://:{PASSWORD}@host")
    except ValueError:
        structlog.get_logger().exception("failed")
    (line,) = lines(log)
    assert "Traceback" in str(line["exception"])
    assert OPENAI_KEY not in log.getvalue()
    assert PASSWORD not in log.getvalue()


@pytest.mark.usefixtures("log")
def test_what_is_logged_gives_the_terminal_no_command_and_forges_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(settings(log_format="console"))
    hostile = "title\n2026-11-26T12:00:00Z [info     ] forged \x1b[2J \x9b31m\u2028forged"
    structlog.get_logger("ours").info(hostile, title=hostile, **{hostile: 1})
    logging.getLogger("a.library").warning("%s", hostile)
    structlog.get_logger("ours").error("failed", exc_info=ValueError(hostile))
    written = capsys.readouterr().err
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028]", written)
    assert not any(line.startswith("2026-11-26T12:00:00Z") for line in written.splitlines())
    assert len(re.findall("^20", written, re.MULTILINE)) == 3


def test_a_fact_named_like_a_secret_is_blacked_out(log: io.StringIO) -> None:
    structlog.get_logger().info("login", password="swordfish", headers={"Cookie": "session=abc"}, tokens=12)
    (line,) = lines(log)
    assert line["password"] == logs.REDACTED
    assert line["headers"] == {"Cookie": logs.REDACTED}
    assert line["tokens"] == 12  # a count is no secret


@pytest.mark.usefixtures("log")
def test_people_get_a_readable_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(settings(log_format="console"))
    structlog.get_logger().warning("the queue is paused", queue="crawl")
    written = capsys.readouterr().err
    assert "the queue is paused" in written
    assert "queue=crawl" in written
    assert "\x1b[" not in written  # no colour codes where nobody sees colours


def test_services_write_to_stdout_and_to_a_file_that_is_put_aside_when_it_is_full(
    log: io.StringIO, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logs, "FILE_BYTES", 2_000)
    file = tmp_path / "new" / "signalist.log"
    logs.configure_service(settings(log_file=str(file), log_format="console"))
    for number in range(200):
        structlog.get_logger().info("working", number=number, key=OPENAI_KEY)
    assert capsys.readouterr().out.count("working") == 200
    assert log.getvalue() == ""
    names = sorted(path.name for path in file.parent.iterdir())
    assert names == [
        "signalist.log",
        *(f"signalist.log.{n}" for n in range(1, logs.FILES_KEPT + 1)),
        "signalist.log.lock",
    ]
    written = [*(Path(f"{file}.{n}") for n in range(logs.FILES_KEPT, 0, -1)), file]
    numbers = [json.loads(line)["number"] for path in written for line in path.read_text().splitlines()]
    assert numbers == list(range(numbers[0], 200)), "none is lost between two files"
    assert all(path.stat().st_size < 2_300 for path in file.parent.iterdir())
    assert OPENAI_KEY not in file.read_text()


def test_several_processes_share_one_file(tmp_path: Path) -> None:
    file = tmp_path / "signalist.log"
    program = (
        "import sys, logging; from core import logs; from core.config import Settings; logs.FILE_BYTES = 5_000\n"
        f"logs.FILES_KEPT = 1_000; logs.configure_service(Settings(_env_file=None, LOG_FILE={str(file)!r}))\n"
        "for number in range(300): logging.getLogger().warning('%s %d', sys.argv[1], number)"
    )
    running = [
        subprocess.Popen([sys.executable, "-P", "-c", program, name], stdout=subprocess.DEVNULL) for name in "abc"
    ]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    written = [path for path in tmp_path.iterdir() if path.suffix != ".lock"]
    events = [json.loads(line)["event"] for path in written for line in path.read_text().splitlines()]
    assert sorted(events) == sorted(f"{name} {number}" for name in "abc" for number in range(300))
    assert len(written) > 10


def test_a_file_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Misconfigured, match=r"^LOG_FILE: .*/file/x cannot be written: File exists\.$"):
        logs.configure_service(settings(log_file=str(tmp_path / "file" / "x")))

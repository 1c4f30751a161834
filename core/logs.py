"""Logs: one line an event, for people or for machines, with every secret blacked out.

Services log to stdout and to LOG_FILE, verbs of the command line to stderr, and what a job said is kept with it.
"""

import fcntl
import logging
import logging.handlers
import re
import sys
import threading
from collections import deque
from contextvars import ContextVar
from pathlib import Path
from types import TracebackType
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from core.config import Settings
from core.errors import Misconfigured
from core.redaction import REDACTED, is_secret, learn, redacted, redaction, secrets_of

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# Libraries that log every request or connection at INFO.
_CHATTY = ("aiohttp.access", "alembic", "asyncio", "httpx", "httpx2", "httpcore", "httpcore2", "openai")
# Enough for some days of a busy box, and no disk is filled by it.
FILE_BYTES, FILES_KEPT = 10_000_000, 5
# What is kept of an attempt at a job travels with the job through Redis: its last lines, as far as they fit.
KEPT_LINES, KEPT_CHARACTERS, LONGEST_KEPT = 100, 8_000, 2_000


def configure_service(settings: Settings) -> None:
    """As `configure`, but to stdout, and to LOG_FILE as JSON. Raises Misconfigured if that cannot be written."""
    configure(settings, sys.stdout)
    if settings.log_file is not None:
        handler = _RotatedFile(settings.log_file)
        handler.setLevel(settings.log_level)
        handler.setFormatter(_formatter(settings, structlog.processors.JSONRenderer()))
        logging.getLogger().addHandler(handler)


def configure(settings: Settings, out: TextIO | None = None) -> None:
    """Sends the log of this process, our own lines and those of every library, to `out`, or else to stderr.

    LOG_LEVEL and LOG_FORMAT say how much and in which form; warnings of Python become log lines too. What a job says is
    kept from INFO on, however little is written.
    """
    out = out or sys.stderr
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    learn(settings)
    handler = logging.StreamHandler(out)
    handler.setLevel(settings.log_level)
    for_people = (_on_one_line, structlog.dev.ConsoleRenderer(colors=out.isatty()))
    as_json = settings.log_format == "json"
    handler.setFormatter(_formatter(settings, *((structlog.processors.JSONRenderer(),) if as_json else for_people)))
    root = logging.getLogger()
    root.handlers = [handler, _Keeper(settings)]
    root.setLevel(min(logging.INFO, handler.level))
    logging.captureWarnings(capture=True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    # What nobody caught goes the same way: Python itself would write it as it is.
    sys.excepthook = _uncaught
    threading.excepthook = lambda args: _uncaught(args.exc_type, args.exc_value, args.exc_traceback)


_SHARED: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
)


class _Formatter(structlog.stdlib.ProcessorFormatter):
    """No caller fails for what it logs, such as `log("%d", "x")` or a value without a text: the line says that much.

    It says nothing of the values: logging itself would print them as they are, secrets too.
    """

    def format(self, record: logging.LogRecord) -> str:
        try:
            return super().format(record)
        except Exception as error:  # noqa: BLE001 - it may be anything that a value does when it is asked for its text
            event = record.msg.get("event") if isinstance(record.msg, dict) else record.msg
            said = repr(event) if isinstance(event, str) else f"A {type(event).__name__}"
            bare = logging.LogRecord(
                record.name,
                record.levelno,
                record.pathname,
                record.lineno,
                f"{said} could not be written: {type(error).__name__}.",
                (),
                None,
            )
            return super().format(bare)


def _formatter(settings: Settings, *renderers: Processor) -> logging.Formatter:
    return _Formatter(
        foreign_pre_chain=_SHARED,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            # Before the redaction, so that what a traceback quotes is blacked out as well.
            structlog.processors.format_exc_info,
            redactor(settings),
            *renderers,
        ],
    )


class _RotatedFile(logging.handlers.WatchedFileHandler):
    """A file that every process of a box appends to. Whoever finds it full moves it away; the others notice."""

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            super().__init__(path, encoding="utf-8")
        except OSError as error:
            raise Misconfigured(f"LOG_FILE: {path} cannot be written: {error.strerror}.") from None
        self._path = path

    def emit(self, record: logging.LogRecord) -> None:
        try:
            if self._path.stat().st_size >= FILE_BYTES:
                self._move_away()
        except OSError:
            # Another process has just moved it, or the disk refuses: what follows says so.
            pass
        super().emit(record)

    def _move_away(self) -> None:
        with Path(f"{self._path}.lock").open("a") as only_one:
            fcntl.flock(only_one, fcntl.LOCK_EX)
            if self._path.stat().st_size < FILE_BYTES:
                return
            for number in range(FILES_KEPT - 1, 0, -1):
                if (older := Path(f"{self._path}.{number}")).exists():
                    older.replace(f"{self._path}.{number + 1}")
            self._path.replace(f"{self._path}.1")


class Kept:
    """The last lines that were logged since `keep`: KEPT_LINES and KEPT_CHARACTERS at most."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)

    def add(self, line: str) -> None:
        self._lines.append(line if len(line) <= LONGEST_KEPT else f"{line[:LONGEST_KEPT]}…")
        while sum(map(len, self._lines)) + len(self._lines) > KEPT_CHARACTERS:
            self._lines.popleft()

    @property
    def text(self) -> str:
        return "\n".join(self._lines)


_kept: ContextVar[Kept | None] = ContextVar("kept", default=None)


def keep() -> Kept:
    """Keeps what is logged from here on, by whatever library, in this context and in those that it starts."""
    kept = Kept()
    _kept.set(kept)
    return kept


class _Keeper(logging.Handler):
    """What is logged on behalf of a job, as people read it and without what all of its lines have in common."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        plain = structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0, pad_level=False)
        self.setFormatter(_formatter(settings, _without_the_job, _on_one_line, plain))

    def emit(self, record: logging.LogRecord) -> None:
        kept = _kept.get()
        if kept is not None:
            kept.add(self.format(record))


def _without_the_job(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {key: value for key, value in event.items() if key not in {"job_id", "job", "attempt", "logger"}}


def _on_one_line(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """What was logged may be hostile: it gives the terminal no commands, and begins no line that looks like another."""
    return {_CONTROL.sub(_written_out, key): _lined(key, value) for key, value in event.items()}


def _lined(key: str, value: object) -> object:
    if not isinstance(value, str):
        return value
    lines = value.split("\n") if key in {"exception", "stack"} else [value]
    return "\n  ".join(_CONTROL.sub(_written_out, line) for line in lines)


def _written_out(control: re.Match[str]) -> str:
    return control.group().encode("unicode_escape").decode()


def _uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if error is None or issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error or kind(), trace)
    elif not issubclass(kind, SystemExit):
        structlog.get_logger(__name__).critical("A mistake that nobody foresaw.", exc_info=(kind, error, trace))


def redactor(settings: Settings) -> Processor:
    """The processor that blacks out the settings' own secrets, anything that has a secret's name, and their shapes."""
    black_out = redaction(secrets_of(settings))

    def process(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {key: REDACTED if is_secret(key, value) else redacted(value, black_out) for key, value in event.items()}

    return process

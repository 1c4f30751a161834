"""Logs: one line an event on stderr, for people or for machines, with every secret blacked out."""

import logging
import re
import sys
import threading
from types import TracebackType

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from core.config import Settings
from core.redaction import REDACTED, is_secret, learn, redacted, redaction, secrets_of

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# Libraries that log every request or connection at INFO.
_CHATTY = ("aiohttp.access", "alembic", "asyncio", "httpx", "httpx2", "httpcore", "httpcore2", "openai")


def configure(settings: Settings) -> None:
    """Sends the log of this process, our own lines and those of every library, to stderr.

    LOG_LEVEL and LOG_FORMAT say how much and in which form; warnings of Python become log lines too.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    learn(settings)
    as_json = settings.log_format == "json"
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                # Before the redaction, so that what a traceback quotes is blacked out as well.
                structlog.processors.format_exc_info,
                redactor(settings),
                *(
                    (structlog.processors.JSONRenderer(),)
                    if as_json
                    else (_on_one_line, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()))
                ),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level)
    logging.captureWarnings(capture=True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    # What nobody caught goes the same way: Python itself would write it as it is.
    sys.excepthook = _uncaught
    threading.excepthook = lambda args: _uncaught(args.exc_type, args.exc_value, args.exc_traceback)


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

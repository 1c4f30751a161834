"""Logs: one line an event on stderr, for people or for machines, with every secret blacked out."""

import logging
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from pydantic import SecretStr
from structlog.typing import EventDict, Processor, WrappedLogger

from core.config import Settings

REDACTED = "[redacted]"

# A secret shorter than this would black out ordinary words; none that is worth guarding is so short.
_SHORTEST_SECRET = 6
_SECRET_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    # The password in scheme://user:password@host; the user may be empty, as in redis://:password@host.
    (re.compile(r"(?P<keep>[a-z][a-z0-9+.-]*://[^\s:/@\"']*:)[^\s/@\"']+(?=@)", re.IGNORECASE), rf"\g<keep>{REDACTED}"),
    # The same for addresses whose password stands in the query, as libpq allows.
    (re.compile(r"(?P<keep>[?&\s](?:password|sslpassword)=)[^\s&\"']+", re.IGNORECASE), rf"\g<keep>{REDACTED}"),
    (re.compile(r"(?P<keep>\b(?:bearer|basic)\s+)[a-z0-9._~+/=-]{8,}", re.IGNORECASE), rf"\g<keep>{REDACTED}"),
    # Our own API tokens.
    (re.compile(r"\bsignalist_[A-Za-z0-9_-]{20,}"), REDACTED),
    # Keys of OpenAI and Anthropic (sk-…, sk-ant-…, sk-proj-…).
    (re.compile(r"\bsk-[A-Za-z0-9_-]{8,}"), REDACTED),
)
_SECRET_NAMES = re.compile(r"password|passwd|secret|token|api_?key|authorization|cookie", re.IGNORECASE)

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
                structlog.processors.JSONRenderer()
                if as_json
                else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level)
    logging.captureWarnings(capture=True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def redactor(settings: Settings) -> Processor:
    """The processor that blacks out the settings' own secrets, anything that has a secret's name, and their shapes."""
    redacted = redaction(settings)

    def process(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {key: REDACTED if _is_secret(key, value) else _walk(value, redacted) for key, value in event.items()}

    return process


def redaction(settings: Settings) -> Callable[[str], str]:
    """A function that blacks out in a text every secret of `settings` and whatever looks like a secret."""
    known = sorted(_secrets(settings), key=len, reverse=True)

    def redact(text: str) -> str:
        for secret in known:
            text = text.replace(secret, REDACTED)
        for shape, replacement in _SECRET_SHAPES:
            text = shape.sub(replacement, text)
        return text

    return redact


def _secrets(settings: Settings) -> set[str]:
    values = (getattr(settings, name) for name in type(settings).model_fields)
    texts = {value.get_secret_value() for value in values if isinstance(value, SecretStr)}
    # Addresses are secret for the password in them only: the rest of one helps whoever reads the log.
    return {text for text in texts if len(text) >= _SHORTEST_SECRET and "://" not in text}


def _is_secret(name: str, value: object) -> bool:
    return isinstance(value, str | bytes | SecretStr) and bool(_SECRET_NAMES.search(name))


def _walk(value: Any, redact: Callable[[str], str]) -> Any:
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return redact(value)
        case Mapping():
            return {
                redact(str(key)): REDACTED if _is_secret(str(key), item) else _walk(item, redact)
                for key, item in value.items()
            }
        case list() | tuple() | set() | frozenset():
            return [_walk(item, redact) for item in value]
        case _:
            # What a renderer would call repr() on, it could leak a secret with.
            return redact(repr(value))

"""Parsing in a process of its own, so that no feed can stop a worker."""

import asyncio
import datetime as dt
import json
import sys
from dataclasses import dataclass
from typing import Annotated, Literal

import structlog
from pydantic import Field, TypeAdapter

from core.errors import FeedUnusable
from core.pipeline import parse_process
from core.pipeline.addresses import shown
from core.pipeline.parse_process import LENGTH
from core.pipeline.parsed import NotAFeed, ParsedFeed

# Ten megabytes of ordinary feed, the largest that is fetched, take 3 s of one core; seconds.
CPU_LIMIT_S = 20

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Feed:
    kind: Literal["feed"]
    feed: ParsedFeed


@dataclass(frozen=True)
class _NotAFeed:
    kind: Literal["not a feed"]
    message: str
    links: tuple[str, ...]


@dataclass(frozen=True)
class _Broken:
    kind: Literal["broken"]
    message: str
    trace: str


_ANSWER: TypeAdapter[_Feed | _NotAFeed | _Broken] = TypeAdapter(
    Annotated[_Feed | _NotAFeed | _Broken, Field(discriminator="kind")]
)


@dataclass(frozen=True)
class _Child:
    process: asyncio.subprocess.Process
    requests: asyncio.StreamWriter
    answers: asyncio.StreamReader


class Parser:
    """One child process, started when first needed and again when a feed has cost it its life."""

    def __init__(self) -> None:
        self._child: _Child | None = None
        self._turn = asyncio.Lock()

    async def parse(self, body: bytes, content_type: str, url: str, now: dt.datetime) -> ParsedFeed:
        """`core.pipeline.parse.parse`, elsewhere.

        Raises NotAFeed, and FeedUnusable if the feed cannot be parsed within the limits of the process.
        """
        request = json.dumps({"content_type": content_type, "url": url, "now": now.isoformat()}).encode()
        async with self._turn:
            answer = await self._ask(request, body)
        match _ANSWER.validate_json(answer):
            case _Feed(feed=feed):
                return feed
            case _NotAFeed(message=message, links=links):
                raise NotAFeed(message, links=links)
            case _Broken(message=message, trace=trace):
                log.warning("A feed broke the parser", url=shown(url), trace=trace)
                raise FeedUnusable(f"The feed is damaged in a way that stops the parser ({message}).")

    async def close(self) -> None:
        child, self._child = self._child, None
        if child is not None and child.process.returncode is None:
            child.process.kill()
            await child.process.wait()

    async def _ask(self, request: bytes, body: bytes) -> bytes:
        if self._child is None or self._child.process.returncode is not None:
            self._child = await _start()
        child = self._child
        try:
            for message in (request, body):
                child.requests.write(LENGTH.pack(len(message)))
                child.requests.write(message)
            await child.requests.drain()
            (length,) = LENGTH.unpack(await child.answers.readexactly(LENGTH.size))
            return await child.answers.readexactly(length)
        except (OSError, EOFError):
            self._child = None
            await child.process.wait()
            raise FeedUnusable(
                f"The feed takes more than {CPU_LIMIT_S} seconds or too much memory to parse, so it was given up."
            ) from None
        except BaseException:
            # A cancelled job leaves an answer in the pipe: the next one gets a fresh process.
            await self.close()
            raise


async def _start() -> _Child:
    # No environment: a parser of hostile input has no business with the secrets of this one.
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        parse_process.__name__,
        str(CPU_LIMIT_S),
        env={},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("A process that was started with pipes has none.")
    return _Child(process, process.stdin, process.stdout)

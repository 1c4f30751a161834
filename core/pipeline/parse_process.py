"""The process that parses: what `Parser` starts, and talks to over its standard input and output.

A hostile feed can keep a regular expression of feedparser, or the tree builder of an HTML parser, busy for hours, or
eat the memory (both are quadratic in places). In a thread that would hold up everything else in the worker. Here it
costs this process, which the kernel ends at a limit of processor time (its argument, in seconds) and of memory.

Each message is its length (8 bytes, big endian) and that many bytes. A request is two messages, JSON and the body;
the answer is one, JSON.
"""

import datetime as dt
import json
import os
import resource
import signal
import struct
import sys
import traceback
from dataclasses import asdict
from typing import Any, BinaryIO

from core.pipeline.parse import parse
from core.pipeline.parsed import NotAFeed

LENGTH = struct.Struct(">Q")
# Ten megabytes of ordinary feed take a tenth of it.
MEMORY_LIMIT = 1 << 30


def serve(requests: BinaryIO, answers: BinaryIO, cpu_limit: float) -> None:
    """Answers until the input ends, as it does when the worker that asks is gone.

    The signal of a timer that is not handled ends the process, whatever code it is in.
    """
    while (head := _read(requests)) is not None and (body := _read(requests)) is not None:
        signal.setitimer(signal.ITIMER_PROF, cpu_limit)
        answer = json.dumps(_answer(json.loads(head), body)).encode()
        signal.setitimer(signal.ITIMER_PROF, 0)
        answers.write(LENGTH.pack(len(answer)) + answer)
        answers.flush()


def _answer(request: dict[str, str], body: bytes) -> dict[str, Any]:
    try:
        now = dt.datetime.fromisoformat(request["now"])
        feed = asdict(parse(body, request["content_type"], request["url"], now))
    except NotAFeed as error:
        return {"kind": "not a feed", "message": str(error), "links": error.links}
    except Exception as error:  # noqa: BLE001 - libraries fail on hostile input in ways of their own
        return {"kind": "broken", "message": type(error).__name__, "trace": traceback.format_exc(limit=-5)}
    return {"kind": "feed", "feed": feed | {"articles": [_dated(article) for article in feed["articles"]]}}


def _dated(article: dict[str, Any]) -> dict[str, Any]:
    date: dt.datetime | None = article["published_at"]
    return article | {"published_at": date and date.isoformat()}


def _read(stream: BinaryIO) -> bytes | None:
    head = stream.read(LENGTH.size)
    return stream.read(LENGTH.unpack(head)[0]) if len(head) == LENGTH.size else None


def main() -> None:
    # The worker decides when this ends, by closing the input; a Ctrl-C reaches the whole group.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    answers = os.fdopen(os.dup(1), "wb")
    # Whatever a library prints must not get between the answers.
    os.dup2(2, 1)
    serve(sys.stdin.buffer, answers, float(sys.argv[1]))


if __name__ == "__main__":
    main()

"""Searches for the command line of the same account on the same machine, by the dashboard that runs there already.

A process of its own spends most of two seconds on libraries and the model that a running dashboard has in memory. It is
asked over a Unix socket in the data dir that only this account can connect to, so nobody logs in: whoever can has the
data dir, and with it the database.
"""

import asyncio
import contextlib
import hashlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from core.config import Settings
from core.errors import SignalistError

# Words and how many articles at most, to JSON.
Answer = Callable[[str, int], Awaitable[bytes]]

# A search takes some ms, and the first one loads the model.
_PATIENCE_S = 10.0
_MOST_BYTES = 64_000


def ask(settings: Settings, words: str, limit: int) -> list[dict[str, Any]] | None:
    """What a dashboard on these settings finds; None when none runs here or it cannot tell, whatever the reason."""
    question = {"settings": _of(settings), "words": words, "limit": limit}
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_PATIENCE_S)
            connection.connect(str(_path(settings)))
            connection.sendall(json.dumps(question).encode() + b"\n")
            with connection.makefile("rb") as answer:
                found: list[dict[str, Any]] = json.loads(answer.read())
                return found
    except (OSError, ValueError):
        return None


@contextlib.asynccontextmanager
async def answering(settings: Settings, answer: Answer) -> AsyncIterator[None]:
    """Answers what `ask` asks, for the time of the block; where the socket cannot be made, nobody is answered."""
    path = _path(settings)
    listening = _listen(path)
    if listening is None:
        yield
        return

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Whoever gets no answer searches without us, and says what is wrong.
        silence = contextlib.suppress(SignalistError, OSError, ValueError, TypeError, KeyError, TimeoutError)
        with contextlib.closing(writer), silence:
            async with asyncio.timeout(_PATIENCE_S):
                question = json.loads(await reader.readline())
                # Another database or model would find other things.
                if question["settings"] == _of(settings):
                    writer.write(await answer(question["words"], question["limit"]))
                    await writer.drain()

    server = await asyncio.start_unix_server(serve, sock=listening, limit=_MOST_BYTES)
    try:
        yield
    finally:
        server.close()
        path.unlink(missing_ok=True)


def _listen(path: Path) -> socket.socket | None:
    listening = socket.socket(socket.AF_UNIX)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A killed dashboard leaves its socket behind. One that answers belongs to another, which keeps it.
        with socket.socket(socket.AF_UNIX) as other:
            if other.connect_ex(str(path)) == 0:
                raise OSError  # noqa: TRY301 - the same end
        path.unlink(missing_ok=True)
        listening.bind(str(path))
        # Before anybody can connect.
        path.chmod(0o600)
    except OSError:
        listening.close()
        return None
    return listening


def _path(settings: Settings) -> Path:
    return settings.data_dir / f"search-{settings.port}.sock"


def _of(settings: Settings) -> str:
    used = (settings.database(), settings.active_embedding_model, settings.openai_base_url)
    return hashlib.sha256(repr(used).encode()).hexdigest()

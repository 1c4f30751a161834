"""The Lua scripts: what must happen all at once or not at all."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from redis import exceptions as exc
from redis.asyncio import Redis

from core.queues import keys

_FOLDER = Path(__file__).parent / "lua"
Argument = str | bytes | int | float


class Script:
    """One script of lua/."""

    def __init__(self, name: str, flags: str = "", *, shared: bool = True) -> None:
        """`flags` as Redis names them: no-writes, or allow-oom for what must go through when memory is full."""
        self.name = name
        header = f"#!lua flags={flags}\n" if flags else "#!lua\n"
        common = (_FOLDER / "shared.lua").read_text() if shared else ""
        self.text = header + common + (_FOLDER / f"{name}.lua").read_text()
        self.sha = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()

    async def run(self, redis: Redis, names: Sequence[str], *arguments: Argument) -> Any:
        """Sends the hash; a server that does not know the script yet (a restart) is sent its text."""
        try:
            return await redis.evalsha(self.sha, len(names), *names, *arguments)
        except exc.NoScriptError:
            return await redis.eval(self.text, len(names), *names, *arguments)

    async def run_on_queue(self, redis: Redis, queue: str, *arguments: Argument) -> Any:
        return await self.run(redis, (keys.stream(queue),), *arguments)

    async def run_on_queues(self, redis: Redis, calls: Sequence[tuple[str, Sequence[Argument]]]) -> list[Any]:
        """`calls` are (queue, arguments): in one round trip. Raises the first error."""
        if len(calls) == 1:
            # A pipeline costs more than a call.
            return [await self.run_on_queue(redis, calls[0][0], *calls[0][1])]
        answers = await self.try_on_queues(redis, calls)
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers

    async def try_on_queues(self, redis: Redis, calls: Sequence[tuple[str, Sequence[Argument]]]) -> list[Any]:
        """As `run_on_queues`, but the error of one call is its answer."""
        async with redis.pipeline(transaction=False) as pipe:
            for queue, arguments in calls:
                # In so many words, because the client of a cluster lets no pipe.evalsha() through.
                pipe.execute_command("EVALSHA", self.sha, 1, keys.stream(queue), *arguments)
            answers: list[Any] = await pipe.execute(raise_on_error=False)
        for at, (answer, (queue, arguments)) in enumerate(zip(answers, calls, strict=True)):
            if isinstance(answer, exc.NoScriptError):
                try:
                    answers[at] = await self.run_on_queue(redis, queue, *arguments)
                except exc.ResponseError as error:
                    answers[at] = error
        return answers


ENQUEUE = Script("enqueue")
DEPTH = Script("depth", "no-writes")
GROUPS = Script("groups", "allow-oom")
FETCH = Script("fetch", "allow-oom")
ADMIT = Script("admit", "allow-oom")
SAMPLE = Script("sample", "no-writes")
RENEW = Script("renew", "allow-oom")
FINISH = Script("finish", "allow-oom")
RETRY = Script("retry", "allow-oom")
RELEASE = Script("release", "allow-oom")
RECLAIM = Script("reclaim", "allow-oom")
PROMOTE = Script("promote", "allow-oom")
CANCEL = Script("cancel", "allow-oom")
PURGE = Script("purge", "allow-oom")
PLACES = Script("places", "no-writes")
SWEEP = Script("sweep", "allow-oom")
BEAT = Script("beat", "allow-oom", shared=False)
LEAD = Script("lead", "allow-oom", shared=False)
RESIGN = Script("resign", "allow-oom", shared=False)

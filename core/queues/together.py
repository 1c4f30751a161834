"""Many small calls as few large ones."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

# Lua takes no more than some thousands of arguments.
_AT_ONCE = 500
T = TypeVar("T")
R = TypeVar("R")


class Together(Generic[T, R]):
    """Calls that are made while others are under way go together in the next round: alone, one waits for nobody.

    To be called from one event loop.
    """

    def __init__(self, send: Callable[[Sequence[T]], Awaitable[Sequence[R | Exception]]]) -> None:
        """`send` gets all of a round, and answers in the same order. What it raises, each caller gets; an answer that
        is an exception, its own."""
        self._send = send
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._sending: asyncio.Task[None] | None = None

    async def __call__(self, one: T) -> R:
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((one, answer))
        if self._sending is None:
            self._sending = asyncio.create_task(self._rounds())
        return await answer

    async def _rounds(self) -> None:
        try:
            while self._waiting:
                one_round, self._waiting = self._waiting[:_AT_ONCE], self._waiting[_AT_ONCE:]
                await self._round(one_round)
        finally:
            self._sending = None

    async def _round(self, waiting: Sequence[tuple[T, asyncio.Future[R]]]) -> None:
        try:
            answers = await self._send([one for one, _ in waiting])
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait have to hear of it
            for _, answer in waiting:
                if not answer.done():
                    answer.set_exception(error)
        else:
            for (_, answer), found in zip(waiting, answers, strict=True):
                # Its caller may have been cancelled meanwhile.
                if answer.done():
                    continue
                if isinstance(found, Exception):
                    answer.set_exception(found)
                else:
                    answer.set_result(found)

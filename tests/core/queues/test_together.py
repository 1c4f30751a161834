"""Calls that are made at the same time go together."""

import asyncio
from collections.abc import Sequence

import pytest

from core.queues.together import Together


async def test_one_call_waits_for_nobody_and_what_comes_meanwhile_goes_in_one_round() -> None:
    rounds: list[Sequence[int]] = []

    async def double(numbers: Sequence[int]) -> list[int]:
        rounds.append(numbers)
        await asyncio.sleep(0.01)
        return [2 * number for number in numbers]

    together = Together(double)
    first = asyncio.create_task(together(1))
    await asyncio.sleep(0.001)
    given_up = asyncio.create_task(together(0))
    others = [asyncio.create_task(together(n)) for n in (2, 3)]
    await asyncio.sleep(0.001)
    given_up.cancel()
    assert await asyncio.gather(first, *others) == [2, 4, 6]
    assert rounds == [[1], [0, 2, 3]]
    assert await together(4) == 8


async def test_everybody_in_a_round_hears_that_it_failed_and_the_next_is_tried() -> None:
    async def invert(numbers: Sequence[int]) -> list[float]:
        return [1 / number for number in numbers]

    together = Together(invert)
    answers = await asyncio.gather(together(0), together(2), return_exceptions=True)
    assert [type(answer) for answer in answers] == [ZeroDivisionError, ZeroDivisionError]
    assert await together(2) == pytest.approx(0.5)

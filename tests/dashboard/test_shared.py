"""However many pages ask, the servers are asked once."""

import asyncio

import pytest

from core.errors import RedisUnavailable
from dashboard.shared import Shared


async def test_pages_that_ask_together_share_one_reading() -> None:
    asked = 0

    async def read() -> int:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        return asked

    shared = Shared(read, fresh_s=60)
    assert await asyncio.gather(*(shared() for _ in range(20))) == [1] * 20
    assert await shared() == 1
    stale = Shared(read, fresh_s=-1)
    assert await stale() != await stale()


async def test_a_failure_is_told_and_not_remembered() -> None:
    answers = iter([RedisUnavailable(), 7])

    async def read() -> int:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    shared = Shared(read, fresh_s=60)
    with pytest.raises(RedisUnavailable):
        await shared()
    assert await shared() == 7

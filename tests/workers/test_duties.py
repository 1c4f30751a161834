"""The scheduler's duties can be switched off, asked for, and tell when they were done."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis
from sqlalchemy import text

from core.access import Role, User
from core.config import Settings
from core.db import Database
from core.errors import BadRequest, Forbidden
from core.queues import duties
from core.queues.duties import DUTIES, DutyState
from core.schedules import run_duty, switch_duty
from workers.scheduler import Scheduler

OTTO = User(id=None, name="otto", role=Role.OPERATOR)
VERA = User(id=None, name="vera", role=Role.VIEWER)


@pytest.fixture
async def scheduler(database: Database, redis: Redis) -> AsyncIterator[Scheduler]:
    one = Scheduler(Settings(_env_file=None, data_dir="var"), database, redis, lease=1.0)  # type: ignore[call-arg]
    task = asyncio.create_task(one.run())
    yield one
    task.cancel()
    await asyncio.wait({task})


async def state(redis: Redis, name: str) -> DutyState:
    return next(found for found in await duties.states(redis) if found.duty.name == name)


def test_every_duty_has_a_chore_and_every_chore_is_a_duty(database: Database, redis: Redis) -> None:
    one = Scheduler(Settings(_env_file=None, data_dir="var"), database, redis)  # type: ignore[call-arg]
    assert {chore.duty for chore in one._chores} == set(DUTIES)


async def test_a_duty_tells_when_it_was_done(scheduler: Scheduler, redis: Redis, until: Any) -> None:
    async def told() -> bool:
        found = await state(redis, "feeds")
        return found.last is not None and found.last.problem is None and found.next_at is not None

    await until(told)


async def test_a_duty_that_is_off_is_not_done_until_somebody_asks(database: Database, redis: Redis, until: Any) -> None:
    await switch_duty(database, redis, OTTO, "browser", "sample", on=False)
    one = Scheduler(Settings(_env_file=None, data_dir="var"), database, redis, lease=1.0)  # type: ignore[call-arg]
    one._off = frozenset({"sample"})
    task = asyncio.create_task(one.run())

    async def samples() -> int:
        async with database.session() as session:
            return int((await session.execute(text("select count(*) from samples"))).scalar_one())

    async def others_were_done() -> bool:
        return (await state(redis, "feeds")).last is not None

    await until(others_were_done)
    found = await state(redis, "sample")
    assert (await samples(), found.is_on, found.last, found.next_at) == (0, False, None, None)
    await run_duty(database, redis, OTTO, "browser", "sample")
    await until(samples)
    task.cancel()
    await asyncio.wait({task})


async def test_what_keeps_the_promise_cannot_be_switched_off(database: Database, redis: Redis) -> None:
    with pytest.raises(BadRequest, match="cannot be switched off"):
        await switch_duty(database, redis, OTTO, "browser", "promised", on=False)
    with pytest.raises(BadRequest, match="There is no duty"):
        await run_duty(database, redis, OTTO, "browser", str(uuid.uuid4()))
    with pytest.raises(Forbidden):
        await switch_duty(database, redis, VERA, "browser", "feeds", on=False)
    assert all(found.is_on for found in await duties.states(redis))

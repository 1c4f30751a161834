"""No retried job is forgotten, and what is settled is forgotten in the end."""

import datetime as dt
from types import SimpleNamespace

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from core.failed_jobs.filter import Filter
from core.failed_jobs.lost import REASON, reopen_lost
from core.queries import failed_lost, failed_tidy
from core.queues import outbox


def later() -> dt.datetime:
    """Past the patience, counted from when it is asked: a long test run may have begun much earlier."""
    return dt.datetime.now(dt.UTC) + dt.timedelta(minutes=11)


async def test_a_retried_job_that_went_down_with_redis_comes_back_to_the_list(world) -> None:
    await world.fail_many(3)
    await world.retry(Filter())
    assert await reopen_lost(world.database, world.redis, later()) == 0
    await world.redis.flushall()
    assert await reopen_lost(world.database, world.redis, dt.datetime.now(dt.UTC)) == 0
    assert await reopen_lost(world.database, world.redis, later()) == 3
    assert {row.reason for row in await world.rows()} == {REASON}


async def test_what_is_still_to_be_sent_is_not_lost(world) -> None:
    await world.fail_many(1)
    await world.retry(Filter())
    await world.redis.flushall()
    async with world.database.session() as session:
        (sent,) = await failed_lost.retried(session, before=later(), after=None, limit=9)
        await outbox.stage(session, outbox.Job("t", (), sent.queue, sent.key))
    assert await reopen_lost(world.database, world.redis, later()) == 0


async def test_a_promise_of_another_job_hides_no_lost_one(world) -> None:
    await world.fail_many(1)
    await world.retry(Filter())
    await world.redis.flushall()
    async with world.database.session() as session:
        await outbox.stage(session, outbox.Job("t", (), "embed", "t:another"))
    assert await reopen_lost(world.database, world.redis, later()) == 1


async def test_after_a_month_the_settled_are_forgotten_and_the_open_ones_are_not(world) -> None:
    await world.fail_many(2)
    old, kept = await world.ids()
    await world.discard(Filter(ids=(old,)))
    await world.fail(cause="g" * 16)
    await world.discard(Filter(cause="g" * 16))
    a_month_on = dt.datetime.now(dt.UTC) + dt.timedelta(days=31)
    async with world.database.session() as session:
        for _ in range(2):
            await failed_tidy.forget(session, jobs_before=a_month_on, hours_before=a_month_on)
        counts = await session.execute(
            text(
                "select (select count(*) from failed_jobs), (select count(*) from failed_job_actions), "
                "(select count(*) from failure_groups), (select count(*) from failure_tallies where kind = 'hour')"
            )
        )
    assert tuple(counts.one()) == (1, 0, 1, 0)
    assert await world.ids() == (kept,)


async def test_a_cause_that_strikes_again_while_it_is_forgotten_is_not_forgotten(world, monkeypatch) -> None:
    await world.fail(cause="g" * 16)
    await world.discard(Filter(cause="g" * 16))
    a_month_on, scalars = dt.datetime.now(dt.UTC) + dt.timedelta(days=31), AsyncSession.scalars

    async def and_meanwhile(*asked: object) -> object:
        found = (await scalars(*asked)).all()
        monkeypatch.undo()
        await world.fail(cause="g" * 16)
        return SimpleNamespace(all=lambda: found)

    async def groups(session: AsyncSession) -> int:
        return (await session.execute(text("select count(*) from failure_groups"))).scalar_one()

    monkeypatch.setattr(AsyncSession, "scalars", and_meanwhile)
    async with world.database.session() as session:
        await failed_tidy.forget(session, jobs_before=a_month_on, hours_before=a_month_on)
        assert await groups(session) == 1


async def test_a_cause_that_was_forgotten_too_soon_comes_back(world) -> None:
    await world.fail(cause="g" * 16)
    async with world.database.session() as session:
        # As the end of a transaction leaves it that had found its cause there.
        await session.execute(text("delete from failure_groups"))
    long_ago = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    async with world.database.session() as session:
        await failed_tidy.forget(session, jobs_before=long_ago, hours_before=long_ago)
        found = await session.execute(text("select fingerprint, exception, tasks from failure_groups"))
    assert tuple(found.one()) == ("g" * 16, "RateLimitError", ["generate_embeddings"])

"""The counts of failed jobs are true whoever writes, and nobody waits for them."""

import asyncio
import dataclasses
import datetime as dt
import random

from sqlalchemy import text

from core.db import Database
from core.failed_jobs import Failure
from core.queries import failed_jobs

AT = dt.datetime(2026, 1, 2, 3, 4, tzinfo=dt.UTC)
FAILURE = Failure(
    task_id="t1",
    key="crawl_feed:1",
    task="crawl_feed",
    queue="crawl",
    args=["1"],
    kwargs={},
    labels={},
    attempts=[],
    exception="ValueError",
    message="no",
    fingerprint="f" * 16,
    reason="gave up after 4 attempts",
    deliveries=1,
    failed_at=AT,
)
# What the trigger says beside what counting says; the hours are of every failure, so no row can tell them.
DIFFERENCES = text(
    """
    with told as (
        select kind, name, sum(number) as number
          from (select kind, name, number from failure_tallies union all
                select kind, name, number from failure_tally_changes) as parts
         where kind in ('open', 'task', 'queue', 'cause') group by kind, name having sum(number) <> 0
    ), counted as (
        select v.kind, v.name, count(*) as number
          from failed_jobs f, lateral (values ('open', ''), ('task', f.task), ('queue', f.queue),
                                              ('cause', f.fingerprint)) as v (kind, name)
         where f.state = 'open' group by v.kind, v.name
    )
    (table told except table counted) union all (table counted except table told)
    """
)


async def number(database: Database, kind: str, name: str = "") -> int:
    query = text(
        "select coalesce(sum(number), 0) from (select kind, name, number from failure_tallies union all "
        "select kind, name, number from failure_tally_changes) as parts where kind = :kind and name = :name"
    )
    async with database.session() as session:
        return int((await session.execute(query, {"kind": kind, "name": name})).scalar_one())


async def execute(database: Database, statement: str, **parameters: object) -> None:
    async with database.session() as session:
        await session.execute(text(statement), parameters)


async def fail(database: Database, key: str, **changes: object) -> None:
    async with database.session() as session:
        await failed_jobs.record(session, dataclasses.replace(FAILURE, key=key, **changes))


async def test_a_job_counts_once_however_often_it_fails_and_no_more_when_it_is_settled(database: Database) -> None:
    for minute in range(3):
        await fail(database, "a", failed_at=AT + dt.timedelta(minutes=minute))
    await fail(database, "b", fingerprint="g" * 16)
    assert await number(database, "open") == 2
    assert await number(database, "cause", "f" * 16) == 1
    assert await number(database, "hour", "f" * 16) == 3
    await execute(database, "update failed_jobs set state = 'discarded' where job_key = 'a'")
    assert (await number(database, "open"), await number(database, "cause", "f" * 16)) == (1, 0)
    await execute(database, "delete from failed_jobs")
    assert await number(database, "task", "crawl_feed") == 0


async def test_a_job_that_now_fails_for_another_cause_moves_to_its_group(database: Database) -> None:
    await fail(database, "a")
    await fail(database, "a", fingerprint="g" * 16, failed_at=AT + dt.timedelta(hours=1))
    assert [await number(database, "cause", c * 16) for c in "fg"] == [0, 1]


async def test_what_became_of_a_retry_counts_for_the_action_that_asked_for_it(database: Database) -> None:
    action = "00000000-0000-0000-0000-000000000001"
    for key in "abc":
        await fail(database, key)
    await execute(database, "update failed_jobs set state = 'retried', action_id = :action", action=action)
    async with database.session() as session:
        await failed_jobs.mark_succeeded(session, ["a", "b"])
    await fail(database, "c", failed_at=AT + dt.timedelta(minutes=1))
    assert await number(database, "succeeded", action) == 2
    assert await number(database, "failed again", action) == 1


async def test_a_hundred_workers_that_fail_for_one_cause_do_not_wait_for_each_other(database: Database) -> None:
    await fail(database, "first")
    async with database.session() as slow:
        # A bulk update, say, that has not committed yet.
        await slow.execute(text("select 1 from failure_tallies for update"))
        async with asyncio.timeout(30):
            await asyncio.gather(*(fail(database, f"k{n}") for n in range(100)))
        assert await number(database, "cause", "f" * 16) == 101
    await fail(database, "last")
    assert await number(database, "cause", "f" * 16) == 102
    async with database.session() as session:
        left_over = (await session.execute(text("select count(*) from failure_tally_changes"))).scalar_one()
    assert left_over == 0


async def test_the_counts_are_true_after_whatever_happened_at_once(database: Database) -> None:
    dice = random.Random(7)

    async def one(turn: int) -> None:
        key = f"k{dice.randrange(40)}"
        some = [f"k{dice.randrange(40)}" for _ in range(10)]
        match dice.randrange(6):
            case 0 | 1 | 2:
                cause = dice.choice("fgh") * 16
                await fail(database, key, fingerprint=cause, failed_at=AT + dt.timedelta(minutes=turn))
            case 3:
                async with database.session() as session:
                    await failed_jobs.mark_succeeded(session, [key])
            case 4:
                await execute(
                    database,
                    "update failed_jobs set state = 'retried' where id in (select id from failed_jobs "
                    "where state = 'open' and job_key = any(:keys) order by id for update skip locked)",
                    keys=some,
                )
            case _:
                await execute(database, "delete from failed_jobs where job_key = :key and state <> 'open'", key=key)

    for start in range(0, 400, 20):
        await asyncio.gather(*(one(turn) for turn in range(start, start + 20)))
    async with database.session() as session:
        assert (await session.execute(DIFFERENCES)).all() == []


async def test_emptying_the_table_empties_the_counts(database: Database) -> None:
    await fail(database, "a")
    async with database.owner_session() as owner:
        await owner.execute(text("truncate failed_jobs"))
    assert await number(database, "open") == 0

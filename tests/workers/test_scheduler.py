"""What is due, missing or promised is sent; one scheduler leads, and another takes its place."""

import asyncio
import datetime as dt
import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis
from sqlalchemy import text

from core.config import Settings
from core.db import Database
from core.queries import feeds
from core.queues import connect, crawl_feed, enqueue, keys, outbox, scheduler_beat
from workers.scheduler import Scheduler

LEASE_S = 1.0


@pytest.fixture
def running(database: Database, redis: Redis) -> Callable[..., Any]:
    """Runs a scheduler for the length of a block; another database or Redis can be named."""

    @asynccontextmanager
    async def run(**options: Any) -> AsyncIterator[Scheduler]:
        chosen = Settings(_env_file=None, data_dir="var")  # type: ignore[call-arg]
        scheduler = Scheduler(chosen, options.get("database", database), options.get("redis", redis), lease=LEASE_S)
        task = asyncio.create_task(scheduler.run())
        try:
            yield scheduler
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    return run


@pytest.fixture
def sent(redis: Redis) -> Callable[[str], Any]:
    """The arguments of what waits in a queue."""

    async def of(queue: str) -> list[str]:
        entries = await redis.xrange(keys.stream(queue))
        return [json.loads(fields[b"data"])["args"][0] for _, fields in entries]

    return of


async def add_feed(database: Database, url: str, due: dt.timedelta) -> str:
    async with database.session() as session:
        feed = await feeds.add(session, url)
        at = dt.datetime.now(dt.UTC) + due
        await session.execute(text("update feeds set next_due_at = :at where id = :id"), {"at": at, "id": feed.id})
    return str(feed.id)


async def add_article(database: Database, feed_id: str, age: dt.timedelta, **columns: str) -> str:
    values = {
        "id": uuid.uuid4(),
        "feed_id": feed_id,
        "guid": uuid.uuid4().hex,
        "content_hash": "x",
        "updated_at": dt.datetime.now(dt.UTC) - age,
        **columns,
    }
    names = ", ".join(values)
    async with database.session() as session:
        await session.execute(
            text(f"insert into articles ({names}) values ({', '.join(f':{name}' for name in values)})"), values
        )
    return str(values["id"])


async def test_feeds_that_are_due_are_sent_once(database: Database, running: Any, sent: Any, until: Any) -> None:
    due = await add_feed(database, "https://a.example/", dt.timedelta(seconds=-5))
    await add_feed(database, "https://b.example/", dt.timedelta(hours=1))

    async def is_sent() -> Any:
        return await sent("crawl")

    async with running():
        assert await until(is_sent) == [due]
        await asyncio.sleep(2.5)
    assert await sent("crawl") == [due]


async def test_what_is_missing_is_sent_but_not_what_was_just_stored_or_gave_up(
    database: Database, running: Any, sent: Any, until: Any
) -> None:
    feed = await add_feed(database, "https://a.example/", dt.timedelta(hours=1))
    old, new = dt.timedelta(minutes=5), dt.timedelta(seconds=1)
    missing = await add_article(database, feed, old, summary_model="extractive")
    # By another model: that costs, and is an operation that a person approves.
    await add_article(database, feed, old, embedding_model="another", summary_model="extractive")
    unsummarised = await add_article(database, feed, old, embedding_model="wordllama-256")
    await add_article(database, feed, old, embedding_model="wordllama-256", summary_model="extractive")
    await add_article(database, feed, new)
    failed = await add_article(database, feed, old, summary_model="extractive")
    async with database.session() as session:
        await session.execute(
            text(
                "insert into failed_jobs (task_id, job_key, task, queue, args, kwargs, labels, attempts, exception,"
                " message, fingerprint, reason) values ('t', :key, 'generate_embeddings', 'embed', '[]', '{}', '{}',"
                " '[]', 'E', 'm', 'f', 'r')"
            ),
            {"key": f"generate_embeddings:{failed}"},
        )

    async def is_sent() -> Any:
        return await sent("embed") and await sent("summarise")

    async with running():
        await until(is_sent)
    assert await sent("embed") == [missing]
    assert await sent("summarise") == [unsummarised]


async def test_what_was_promised_while_redis_was_away_is_sent(
    database: Database, running: Any, sent: Any, until: Any
) -> None:
    async with database.session() as session:
        await outbox.stage(session, crawl_feed("promised"))

    async def is_sent() -> bool:
        return await sent("crawl") == ["promised"]

    async with running():
        await until(is_sent)


async def test_one_leads_and_says_so_and_another_takes_over_when_it_stops(
    database: Database, redis: Redis, running: Any, until: Any
) -> None:
    async def leader() -> str | None:
        beat = await scheduler_beat(redis)
        return beat.name if beat else None

    async with running() as first:
        assert await until(leader) == first.name
        async with running() as second:
            await asyncio.sleep(1.5 * LEASE_S)
            assert await leader() == first.name

    async with running() as third:
        # It resigned: nobody waits for the end of a lease.
        assert await until(leader, LEASE_S / 2) == third.name
    assert second.name != third.name


async def test_a_leader_that_vanished_is_replaced_when_its_lease_ends(redis: Redis, running: Any, until: Any) -> None:
    await redis.set(keys.SCHEDULER_LEASE, "dead", px=int(LEASE_S * 1000))

    async def leads() -> bool:
        beat = await scheduler_beat(redis)
        return beat is not None and beat.name == scheduler.name

    async with running() as scheduler:
        await until(leads, 2 * LEASE_S)


async def test_history_is_written_also_while_redis_is_away(
    database: Database, redis_gate: Any, running: Any, until: Any
) -> None:
    gate, url = redis_gate
    client = connect(url)

    async def samples() -> int:
        async with database.session() as session:
            return int((await session.execute(text("select count(*) from samples"))).scalar_one())

    async with running(redis=client):
        assert await until(samples) == 1
        await gate.close()
        await asyncio.sleep(0.2)
    await client.aclose()


async def test_when_redis_loses_its_data_nothing_is_sent_until_workers_have_found_their_jobs(
    database: Database, redis: Redis, running: Any, sent: Any, until: Any
) -> None:
    async def is_led() -> Any:
        return await redis.exists(keys.SCHEDULER_LEASE)

    async with running():
        await until(is_led)
        await redis.flushall()
        await until(is_led)
        await add_feed(database, "https://a.example/", dt.timedelta(seconds=-5))
        await asyncio.sleep(3)
        assert await sent("crawl") == []


async def test_it_survives_postgres_and_says_so_once(
    database_url: str, database: Database, postgres_gate: Any, running: Any, sent: Any, until: Any, capfd: Any
) -> None:
    gate, url = postgres_gate
    behind = Database(url, application="scheduler")

    async def is_sent() -> Any:
        return await sent("crawl")

    async with running(database=behind):
        await gate.close()
        await asyncio.sleep(3)
        due = await add_feed(database, "https://a.example/", dt.timedelta(seconds=-5))
        await gate.open()
        assert await until(is_sent) == [due]
    await behind.close()
    said = capfd.readouterr()
    assert (said.out + said.err).count("a server is away") == 1


async def test_a_job_that_is_waiting_already_is_not_sent_again(
    database: Database, redis: Redis, running: Any, sent: Any
) -> None:
    due = await add_feed(database, "https://a.example/", dt.timedelta(seconds=-5))
    await enqueue(redis, crawl_feed(due))
    async with running():
        await asyncio.sleep(2.5)
    assert await sent("crawl") == [due]

"""The record of actions in pages; none of it reads more rows when there are more."""

import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest

from core.db import Database
from core.queries import records
from core.queries.count import Count
from core.queries.records import RecordCursor, RecordFilter, RecordPage

NOW = dt.datetime(2026, 5, 17, 12, tzinfo=dt.UTC)
Scanned = Callable[[Callable[[Any], Awaitable[object]]], Awaitable[set[str]]]

# 30,000 actions, a second apart; 1 of 100 was refused, and 1 of 1,000 is anna's.
MANY = """
    insert into records (at, actor, address, face, action, target, outcome, details)
    select timestamptz '2026-05-17 12:00Z' - (30000 - n) * interval '1 s',
           case when n % 1000 = 0 then 'anna' when n % 2 = 0 then 'otto' else 'system' end,
           case when n % 2 = 0 then '192.0.2.7' end, case when n % 2 = 0 then 'browser' else 'system' end,
           case when n % 10 = 0 then 'pause queue' else 'crawl feed' end, 'target ' || n,
           case when n % 100 = 0 then 'refused' else 'done' end, jsonb_build_object('number', n)
      from generate_series(1, 30000) n
"""
FILTERS = {
    "none": RecordFilter(),
    "person": RecordFilter(actor="anna"),
    "busy person": RecordFilter(actor="otto"),
    "nobody": RecordFilter(actor="zoe"),
    "action": RecordFilter(action="pause queue"),
    "outcome": RecordFilter(outcome="refused"),
    "outcome that most have": RecordFilter(outcome="done"),
    "since": RecordFilter(since=NOW - dt.timedelta(minutes=5)),
    "until": RecordFilter(until=NOW - dt.timedelta(hours=8)),
    "text": RecordFilter(text="target 299"),
    "text that nobody says": RecordFilter(text="zebra"),
    "person and outcome": RecordFilter(actor="otto", outcome="refused"),
    "what excludes each other": RecordFilter(actor="system", outcome="refused"),
    "everything": RecordFilter("otto", "pause queue", "refused", NOW - dt.timedelta(days=1), NOW, "9"),
}
PLACE = RecordCursor(NOW - dt.timedelta(hours=2), 22_800)


@pytest.fixture
def many(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(MANY)
        connection.execute("vacuum analyze records")
    # Windows are to be a small part of the whole, as they are with a million.
    monkeypatch.setattr(records, "WINDOW", 300)
    monkeypatch.setattr(records, "MOST_COUNTED", 300)


async def test_no_filter_of_the_record_reads_all_of_it(many: None, scanned: Scanned) -> None:
    readers: dict[str, Callable[[Any, RecordFilter], Awaitable[object]]] = {
        "a page": lambda s, chosen: records.page(s, chosen, limit=50),
        "a later page": lambda s, chosen: records.page(s, chosen, after=PLACE, limit=50),
        "how many": records.count,
        "how many came": lambda s, chosen: records.newer(s, chosen, 29_900),
        "who": lambda s, _chosen: records.actors(s, 300),
        "the last one": lambda s, _chosen: records.newest(s),
    }
    found = {}
    for name, chosen in FILTERS.items():
        for query, run in readers.items():
            if tables := await scanned(lambda s, run=run, chosen=chosen: run(s, chosen)):
                found[query, name] = tables
    assert found == {}


async def test_every_filter_of_the_record_finds_what_it_says(many: None, database: Database) -> None:
    async def page(chosen: RecordFilter, after: RecordCursor | None = None) -> RecordPage:
        async with database.session() as session:
            return await records.page(session, chosen, after=after, limit=20)

    async def numbers(chosen: RecordFilter) -> list[int]:
        return [row.details["number"] for row in (await page(chosen)).rows]

    assert await numbers(RecordFilter(actor="anna")) == list(range(30_000, 10_000, -1000))
    assert await numbers(RecordFilter(action="pause queue")) == list(range(30_000, 29_800, -10))
    assert await numbers(RecordFilter(outcome="refused")) == list(range(30_000, 28_000, -100))
    assert await numbers(RecordFilter(since=NOW - dt.timedelta(seconds=2))) == [30_000, 29_999, 29_998]
    assert (await numbers(RecordFilter(until=NOW)))[0] == 29_999
    for text in ("TARGET 29998", "29998"):
        assert await numbers(RecordFilter(text=text)) == [29_998]
    assert await numbers(RecordFilter(text="anna")) == [30_000]
    assert await numbers(RecordFilter(text="%")) == []
    assert len(await numbers(RecordFilter(text="192.0.2.7"))) == 20

    first = await page(RecordFilter(action="pause queue"))
    second = await page(RecordFilter(action="pause queue"), first.next)
    assert second.rows[0].details["number"] == 29_800
    # Looked through in windows: none in the first, and a place to go on from.
    nothing = await page(RecordFilter(text="target 29500"))
    assert (nothing.rows, nothing.searched) == ((), 300)
    further = await page(RecordFilter(text="target 29500"), nothing.next)
    assert [row.target for row in further.rows] == ["target 29500"]
    assert (await page(RecordFilter(actor="zoe", text="x"))).searched is None


async def test_the_record_says_how_many_match_and_how_many_came(many: None, database: Database) -> None:
    async with database.session() as session:
        last = await records.newest(session)
        assert str(await records.count(session, RecordFilter())) == "300+"
        assert await records.count(session, RecordFilter(actor="anna")) == Count(30)
        assert await records.newer(session, RecordFilter(), last) == Count(0)
        assert await records.newer(session, RecordFilter(outcome="refused"), last - 250) == Count(3)
        assert str(await records.newer(session, RecordFilter(), last - 250)) == "99+"
        assert await records.newer(session, RecordFilter(actor="otto", text="target 29998"), last - 250) == Count(1)
        assert await records.actors(session, 300) == ("anna", "otto", "system")
        assert await records.actors(session, 2) == ("anna", "otto")

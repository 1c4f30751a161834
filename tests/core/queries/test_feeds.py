"""Feeds as the page of feeds and the scheduler ask for them."""

import datetime as dt
from collections.abc import Sequence

import pytest
from sqlalchemy import text

from core.db import Database
from core.queries import feeds
from core.queries.feeds import FAILING_AFTER, FeedState

NOW = dt.datetime(2026, 5, 17, 12, tzinfo=dt.UTC)


async def some(database: Database) -> None:
    """Feeds a to f: b is off, c failed once, d has failed for long, e has no title."""
    async with database.session() as session:
        for number, name in enumerate("abcdef"):
            found = await feeds.add(
                session, f"https://{name}.example/", title="" if name == "e" else f"{name.upper()}!"
            )
            values = {
                "id": found.id,
                "due": NOW + dt.timedelta(minutes=number - 3),
                "errors": {"c": 1, "d": FAILING_AFTER}.get(name, 0),
                "enabled": name != "b",
                "articles": number,
            }
            await session.execute(
                text(
                    "update feeds set next_due_at = :due, errors_in_row = :errors, enabled = :enabled, "
                    "article_count = :articles where id = :id"
                ),
                values,
            )


def names(rows: Sequence[feeds.FeedRow]) -> str:
    return "".join(row.url.removeprefix("https://")[0] for row in rows)


async def test_the_same_address_is_one_feed(database: Database) -> None:
    async with database.session() as session:
        first = await feeds.add(session, "https://a.example/")
        again = await feeds.add(session, "https://a.example/")
        row = await feeds.by_url(session, "https://a.example/")
    assert (first.created, again.created, first.id) == (True, False, again.id)
    assert row is not None
    assert row.id == first.id


async def test_pages_are_in_the_order_of_titles_and_miss_nothing(database: Database) -> None:
    await some(database)
    async with database.session() as session:
        first = await feeds.page(session, limit=4)
        second = await feeds.page(session, after=first.next, limit=4)
        assert names(await feeds.everything(session)) == "abcdfe"
    assert names(first.rows) + names(second.rows) == "abcdfe"
    assert second.next is None


@pytest.mark.parametrize(
    ("words", "state", "found"),
    [
        ("", "all", "abcdfe"),
        ("", "enabled", "acdfe"),
        ("", "disabled", "b"),
        ("", "failing", "d"),
        ("C!", "all", "c"),
        ("E.EXAMPLE", "all", "e"),
        ("%", "all", ""),
        ("example", "disabled", "b"),
    ],
)
async def test_filters_find_what_they_say(database: Database, words: str, state: FeedState, found: str) -> None:
    await some(database)
    async with database.session() as session:
        assert names((await feeds.page(session, text=words, state=state)).rows) == found


async def test_counts_agree_with_the_pages(database: Database) -> None:
    await some(database)
    async with database.session() as session:
        counts = await feeds.counts(session)
    assert (counts.total, counts.enabled, counts.disabled, counts.failing) == (6, 5, 1, 1)
    assert counts.articles == sum(range(6))


async def test_what_is_due_comes_longest_overdue_first(database: Database) -> None:
    await some(database)
    async with database.session() as session:
        due = await feeds.due(session, NOW, 10)
        rows = [row for id_ in due if (row := await feeds.get(session, id_))]
        assert names(rows) == "acd"
        assert await feeds.due(session, NOW, 2) == due[:2]


async def test_a_feed_that_is_switched_on_again_starts_afresh(database: Database) -> None:
    await some(database)
    async with database.session() as session:
        row = (await feeds.page(session, text="b.example")).rows[0]
        assert await feeds.set_enabled(session, [row.id], enabled=True, now=NOW) == 1
        assert await feeds.set_enabled(session, [row.id], enabled=True, now=NOW) == 0
        assert row.id in await feeds.due(session, NOW, 10)


async def test_crawling_all_makes_enabled_feeds_due_and_leaves_the_overdue_where_they_are(database: Database) -> None:
    await some(database)
    async with database.session() as session:
        before = await feeds.due(session, NOW, 10)
        assert len(await feeds.make_all_due(session, NOW)) == 5
        assert (await feeds.due(session, NOW, 10))[: len(before)] == before
        assert len(await feeds.due(session, NOW, 10)) == 5


async def test_a_removed_feed_takes_its_articles_along(database: Database) -> None:
    async with database.session() as session:
        found = await feeds.add(session, "https://a.example/")
        values = {"feed": found.id}
        await session.execute(
            text("insert into articles (feed_id, guid, content_hash) values (:feed, '1', 'h')"), values
        )
        assert await feeds.remove(session, found.id)
        assert not await feeds.remove(session, found.id)
        assert (await session.execute(text("select count(*) from articles"))).scalar_one() == 0


async def test_feeds_to_choose_from_are_named_by_title_and_where_there_is_none_by_address(database: Database) -> None:
    await some(database)
    async with database.session() as session:
        chosen = await feeds.names(session, 5)
        assert [feed.title for feed in chosen] == ["A!", "B!", "C!", "D!", "F!"]
        assert [feed.url for feed in await feeds.names(session, 9)][-1] == "https://e.example/"
        assert await feeds.name(session, chosen[0].id) == chosen[0]

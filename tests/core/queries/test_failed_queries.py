"""The failed jobs in pages, groups and counts; none of it reads more rows when there are more."""

import datetime as dt
import hashlib
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest

from core.db import Database
from core.failed_jobs.filter import Filter
from core.failed_jobs.narrowing import narrowed
from core.queries import (
    failed_actions,
    failed_groups,
    failed_jobs,
    failed_list,
    failed_lost,
    failed_show,
    failed_subjects,
    failed_summary,
    failed_take,
    failed_tidy,
    failure_tallies,
)
from core.queries.failed_list import FailedCursor

NOW = dt.datetime(2026, 5, 17, 12, tzinfo=dt.UTC)
ACTION = uuid.UUID("00000000-0000-0000-0000-00000000000a")
Scanned = Callable[[Callable[[Any], Awaitable[object]]], Awaitable[set[str]]]

# 30,000 jobs, a second apart, the first 10,000 of them settled; 9 of 10 have one cause, 1 of 100 another.
MANY = f"""
    insert into failed_jobs (id, task_id, job_key, task, queue, args, kwargs, labels, attempts, exception, message,
                             fingerprint, reason, first_failed_at, last_failed_at, state, action_id, resolved_at)
    select md5('job' || n)::uuid, 't' || n, kind || ':' || n, kind, queue, jsonb_build_array(n), '{{}}', '{{}}', '[]',
           'E' || cause, 'message ' || n, cause, 'r', at, at,
           case when n > 10000 then 'open' when n % 2 = 0 then 'retried' else 'succeeded' end,
           case when n % 3 = 0 then '{ACTION}'::uuid end, case when n <= 10000 then at end
      from (select n, timestamptz '2026-05-17 12:00Z' - (30000 - n) * interval '1 s' as at,
                   case when n % 10 = 0 then 'crawl_feed' else 'generate_embeddings' end as kind,
                   case when n % 10 = 0 then 'crawl' else 'embed' end as queue,
                   case when n % 100 = 0 then 'rare' when n % 10 = 0 then 'other' else 'common' end as cause
              from generate_series(1, 30000) n) as jobs;
    insert into failed_job_actions (id, verb, actor, face, filter, target, total, state, finished_at)
    select gen_random_uuid(), 'retry', 'anna', 'browser', '{{}}', 'failed jobs', 1, 'done', now()
      from generate_series(1, 5000);
    -- What earlier troubles left behind.
    insert into failure_groups (fingerprint, exception, tasks)
    select 'old' || n, 'E', '{{t}}' from generate_series(1, 5000) n;
    insert into failure_tallies (kind, name, number) select 'cause', 'old' || n, 0 from generate_series(1, 5000) n;
    insert into failure_tallies (kind, name, hour, number)
    select 'hour', 'old' || n % 500, timestamptz '2026-05-17 12:00Z' - n * interval '1 h', n
      from generate_series(1, 5000) n;
"""
SUBJECTS = """
    insert into feeds (id, url) select md5('job' || n)::uuid, 'https://a.example/' || n from generate_series(1, 5000) n;
    insert into articles (id, feed_id, title, guid, content_hash)
    select id, id, 'A title', url, '' from feeds;
"""


def job_id(number: int) -> uuid.UUID:
    return uuid.UUID(hashlib.md5(f"job{number}".encode()).hexdigest())


@pytest.fixture
def many(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(MANY)
        connection.execute("vacuum analyze")
    # Windows are to be a small part of the whole, as they are with a million.
    monkeypatch.setattr(failed_list, "WINDOW", 300)
    monkeypatch.setattr(failed_list, "MOST_COUNTED", 300)
    monkeypatch.setattr(failed_take, "_WINDOW", 300)
    monkeypatch.setattr(failed_tidy, "_AT_ONCE", 50)


FILTERS = {
    "none": Filter(),
    "task": Filter(task="crawl_feed"),
    "queue": Filter(queue="crawl"),
    "cause": Filter(cause="rare"),
    "common cause": Filter(cause="common"),
    "time": Filter(since=NOW - dt.timedelta(hours=1)),
    "text": Filter(text="message 299"),
    "text that nobody says": Filter(text="zebra"),
    "task and time": Filter(task="crawl_feed", since=NOW - dt.timedelta(hours=1)),
    "cause and task that exclude each other": Filter(cause="common", task="crawl_feed"),
    "everything": Filter(task="crawl_feed", queue="crawl", cause="rare", since=NOW - dt.timedelta(days=1), text="9"),
    "retried": Filter(state="retried"),
    "what an action retried": Filter(state="retried", action=ACTION),
    "what failed again after an action": Filter(action=ACTION),
    "some by name": Filter(ids=tuple(uuid.uuid4() for _ in range(50))),
}
PLACE = FailedCursor(NOW - dt.timedelta(hours=2), uuid.UUID(int=0))


async def test_no_filter_reads_the_whole_table(many: None, scanned: Scanned) -> None:
    found = {}
    for name, chosen in FILTERS.items():
        for query, run in READERS.items():
            if tables := await scanned(lambda s, run=run, chosen=chosen: run(s, chosen)) & BIG:
                found[query, name] = tables
    assert found == {}


# What was changed and is not added up yet is a handful of rows.
READERS: dict[str, Callable[[Any, Filter], Awaitable[object]]] = {
    "a page": lambda s, chosen: failed_list.page(s, chosen, limit=50),
    "a later page": lambda s, chosen: failed_list.page(s, chosen, after=PLACE, limit=50),
    "how many": failed_list.count,
    "how many came": lambda s, chosen: failed_list.newer(s, chosen, PLACE),
    "the causes": failed_list.shares,
    "first and last": failed_list.span,
    "where a verb ends": failed_take.newest,
    "a step of a verb": lambda s, chosen: failed_take.candidates(s, chosen, cutoff=NOW, after=PLACE, limit=50),
}
BIG = {"failed_jobs", "failed_job_actions", "failure_tallies", "failure_groups"}
QUERIES: dict[str, Callable[[Any], Awaitable[object]]] = {
    "the summary of every screen": failed_summary.read,
    "the groups": lambda s: failed_groups.largest(s, 20),
    "one job": lambda s: failed_show.get(s, job_id(29999)),
    "how the shown rows stand": lambda s: failed_list.settled(s, [job_id(29999)] * 50),
    "a job by what it is about": lambda s: narrowed(s, Filter(text="generate_embeddings:29999")),
    "taking some": lambda s: failed_take.take(s, "retry", [job_id(29999)], action=ACTION, by="anna"),
    "bringing some back": lambda s: failed_take.take(s, "reopen", [job_id(29999)], action=ACTION, by="anna"),
    "the last actions": lambda s: failed_actions.recent(s, 10),
    "actions in sight": lambda s: failed_actions.in_sight(s, 10),
    "unfinished actions": failed_actions.unfinished,
    "what succeeded meanwhile": lambda s: failed_jobs.mark_succeeded(s, [f"crawl_feed:{n}" for n in range(100)]),
    "bringing lost ones back": lambda s: failed_lost.reopen(s, [job_id(29999)], before=NOW, reason="r"),
    "what an action has to do next": lambda s: failed_actions.claim(s, ACTION),
    "what became of retried jobs": lambda s: failure_tallies.outcomes(s, [ACTION]),
    "a chart": lambda s: failure_tallies.hours(s, ["rare", "old7"], NOW - dt.timedelta(days=7)),
    "how many causes": failure_tallies.causes,
    "a page of retried jobs": lambda s: failed_lost.retried(s, before=NOW, after=PLACE, limit=50),
}


async def test_no_hot_query_reads_a_whole_table(many: None, scanned: Scanned) -> None:
    found = {name: tables for name, query in QUERIES.items() if (tables := await scanned(query) & BIG)}
    assert found == {}


async def test_forgetting_finds_what_is_old_and_the_titles_of_subjects_by_their_index(
    many: None, scanned: Scanned, database_url: str
) -> None:
    old = NOW - dt.timedelta(days=8)
    # There are as many as there were causes, and hours of them, in the time that is kept.
    kept_small = {"failure_tallies", "failure_groups"}
    assert await scanned(lambda s: failed_tidy.forget(s, jobs_before=old, hours_before=old)) & BIG <= kept_small
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(SUBJECTS)
        connection.execute("vacuum analyze feeds, articles")
    articles, feeds = ([job_id(n) for n in range(50)] for _ in range(2))
    assert await scanned(lambda s: failed_subjects.titles(s, {"article": articles, "feed": feeds})) == set()


async def test_pages_follow_each_other_and_leave_nothing_out(many: None, database: Database) -> None:
    seen, after = [], None
    async with database.session() as session:
        while True:
            page = await failed_list.page(session, Filter(cause="rare"), after=after, limit=70)
            seen += [row.task_id for row in page.rows]
            if page.next is None:
                break
            after = page.next
    assert seen == [f"t{n}" for n in range(30000, 10000, -100)]


async def test_a_search_says_how_far_it_looked_and_goes_on_from_there(many: None, database: Database) -> None:
    async with database.session() as session:
        first = await failed_list.page(session, Filter(text="message 29500"), limit=50)
        assert (first.rows, first.searched) == ((), 300)
        assert str(await failed_list.count(session, Filter(text="message 29500"))) == "0+"
        second = await failed_list.page(session, Filter(text="message 29500"), after=first.next, limit=50)
        assert [row.task_id for row in second.rows] == ["t29500"]


async def test_counts_are_exact_for_one_thing_and_capped_for_several(many: None, database: Database) -> None:
    async with database.session() as session:
        told = {name: str(await failed_list.count(session, chosen)) for name, chosen in FILTERS.items()}
    assert told["none"] == "20,000"
    assert told["task"] == told["queue"] == "2,000"
    assert told["cause"] == "200"
    assert told["time"] == "300+"
    assert told["cause and task that exclude each other"] == "0+"


async def test_the_summary_is_exact(many: None, database: Database) -> None:
    async with database.session() as session:
        summary = await failed_summary.read(session)
        hours = await failure_tallies.hours(session, ["rare"], NOW - dt.timedelta(hours=2))
    assert (str(summary.open), str(summary.causes), summary.newest) == ("20,000", "3", NOW)
    assert [(group.fingerprint, group.count) for group in summary.groups] == [
        ("common", 18000),
        ("other", 1800),
        ("rare", 200),
    ]
    assert summary.groups[2].message == "message 30000"
    assert sum(hours["rare"].values()) == 73


async def test_a_cause_of_which_something_has_worked_since_is_told(database: Database) -> None:
    async def signs() -> tuple[int, int, int, int]:
        async with database.session() as session:
            (group,) = await failed_groups.largest(session, 1)
        return group.passed_since, group.succeeded_since, group.crawled_since, group.looked_at

    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute("insert into feeds (url) values ('https://a.example/'), ('https://b.example/')")
        connection.execute(
            "insert into failed_jobs (task_id, job_key, task, queue, args, kwargs, labels, attempts, exception,"
            " message, fingerprint, reason, last_failed_at)"
            " select id, 'crawl_feed:' || id, 'crawl_feed', 'crawl', '[]', '{}', '{}', '[]', 'E', 'm', 'f', 'r',"
            " now() - interval '1 hour' from feeds"
        )
        assert await signs() == (0, 0, 0, 2)
        connection.execute("update feeds set last_success_at = now() where url like '%a.%'")
        assert await signs() == (1, 0, 1, 2)
        connection.execute(
            "update failed_jobs set state = 'succeeded', resolved_at = now() where id ="
            " (select f.id from failed_jobs f join feeds on job_key = 'crawl_feed:' || feeds.id where url like '%a.%')"
        )
        assert await signs() == (1, 1, 0, 1)

"""`signalist failed`."""

import asyncio
import datetime as dt
import json
import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from core.db import Database
from core.failed_jobs import Failure, attempt_of, fingerprint
from core.queries import failed_jobs

Signalist = Callable[..., Any]


def failure(article: uuid.UUID, error: Exception) -> Failure:
    now = dt.datetime.now(dt.UTC)
    attempt = attempt_of(error, at=now, worker="box:1", duration_s=0.5, log="[info] embedding chunks=3")
    return Failure(
        task_id=uuid.uuid4().hex,
        key=f"generate_embeddings:{article}",
        task="generate_embeddings",
        queue="embed",
        args=[str(article)],
        kwargs={},
        labels={},
        attempts=[attempt],
        exception=attempt.exception,
        message=attempt.message,
        fingerprint=fingerprint(attempt.exception, attempt.message, attempt.frame),
        reason="gave up after 4 attempts",
        deliveries=4,
        failed_at=now,
    )


async def fail(database_url: str, *failures: Failure) -> list[uuid.UUID]:
    database = Database(database_url, application="test")
    ids = []
    for each in failures:
        async with database.session() as session:
            ids.append(await failed_jobs.record(session, each))
    await database.close()
    return ids


@pytest.fixture
def jobs(database_url: str) -> list[str]:
    """Ids of three failed jobs: two of one cause, and one of another."""
    errors = (TimeoutError("took 12 s"), TimeoutError("took 99 s"), ValueError("\x1b[2Jno vectors"))
    return [str(id_) for id_ in asyncio.run(fail(database_url, *(failure(uuid.uuid4(), e) for e in errors)))]


def open_jobs(signalist: Signalist) -> set[str]:
    return {job["id"] for job in signalist("failed", "list", "--json").json}


def test_they_are_listed_with_what_went_wrong(signalist: Signalist, jobs: list[str]) -> None:
    listed = signalist("failed", "list")
    assert listed.code == 0
    for expected in (*jobs, "TimeoutError", "took 12 s", "generate_embeddings", "no vectors"):
        assert expected in listed.out
    assert "\x1b" not in listed.out
    assert open_jobs(signalist) == set(jobs)


@pytest.mark.parametrize(
    ("words", "number"),
    [
        (("--error", "ValueError"), 1),
        (("--text", "99 s"), 1),
        (("--task", "generate_embeddings"), 3),
        (("--task", "crawl_feed"), 0),
        (("--queue", "embed"), 3),
        (("--queue", "crawl"), 0),
        (("--since", "1h"), 3),
        (("--limit", "2"), 2),
    ],
)
def test_a_filter_narrows_the_list(signalist: Signalist, jobs: list[str], words: tuple[str, ...], number: int) -> None:
    assert len(signalist("failed", "list", *words, "--json").json) == number <= len(jobs)


def test_a_list_that_is_cut_says_so(signalist: Signalist, jobs: list[str]) -> None:
    assert "There are more than 2" in signalist("failed", "list", "--limit", "2").out
    assert "There are more" not in signalist("failed", "list", "--limit", str(len(jobs))).out


@pytest.mark.usefixtures("jobs")
def test_causes_are_listed_the_most_frequent_first(signalist: Signalist) -> None:
    timeouts, others = signalist("failed", "groups", "--json").json
    assert (timeouts["count"], timeouts["exception"]) == (2, "TimeoutError")
    assert (others["count"], others["exception"]) == (1, "ValueError")
    assert timeouts["fingerprint"] in signalist("failed", "groups").out
    assert len(signalist("failed", "list", "--error", timeouts["fingerprint"], "--json").json) == 2


def test_one_is_told_with_its_whole_story(signalist: Signalist, jobs: list[str]) -> None:
    told = signalist("failed", "show", jobs[2])
    assert told.code == 0
    for expected in (
        "gave up after 4 attempts",
        "on box:1",
        "ValueError",
        "no vectors",
        "generate_embeddings(",
        "chunks=3",
    ):
        assert expected in told.out
    assert "\x1b" not in told.out
    story = signalist("failed", "show", jobs[2], "--json").json
    assert story["attempts"][0]["worker"] == "box:1"
    assert story["attempts"][0]["log"] == "[info] embedding chunks=3"
    # By the id of its task as well, which is what the log of a worker names.
    assert signalist("failed", "show", story["task_id"], "--json").json == story


def test_one_that_is_not_there_is_said(signalist: Signalist) -> None:
    for verb in ("show", "retry", "discard"):
        done = signalist("failed", verb, str(uuid.uuid4()))
        assert done.code == 1
        assert re.fullmatch(r"There is no failed job \S+\.\n", done.err)


def test_chosen_ones_are_sent_again_and_leave_the_list(signalist: Signalist, jobs: list[str]) -> None:
    assert signalist("failed", "retry", *jobs[:2]).out == "2 jobs are on their way.\n"
    assert open_jobs(signalist) == {jobs[2]}
    waiting = {queue["name"]: queue["waiting"] for queue in signalist("queues", "--json").json}
    assert waiting["embed"] == 2


def test_the_same_jobs_are_exported(signalist: Signalist, jobs: list[str]) -> None:
    told = signalist("failed", "export", "--json").json
    assert {story["id"] for story in told} == set(jobs)
    assert all(story["attempts"] for story in told)
    lines = signalist("failed", "export", "--task", "crawl_feed").out.splitlines()
    assert lines[0].startswith("id,task,queue")
    assert all(",crawl_feed," in line for line in lines[1:])


def test_all_are_sent_again(signalist: Signalist, jobs: list[str]) -> None:
    assert signalist("failed", "retry", "--all", "--dry-run").out.startswith(f"{len(jobs)} jobs, at once.\n")
    assert len(open_jobs(signalist)) == len(jobs)
    assert signalist("failed", "retry", "--all").out == f"{len(jobs)} jobs are on their way.\n"
    assert open_jobs(signalist) == set()
    nothing = signalist("failed", "retry", "--all")
    assert nothing.code == 1
    assert nothing.err.count("\n") == 1


def test_many_are_sent_with_caution_and_at_a_pace_or_without(signalist: Signalist, database_url: str) -> None:
    asyncio.run(fail(database_url, *(failure(uuid.uuid4(), TimeoutError("took 12 s")) for _ in range(51))))
    planned = signalist("failed", "retry", "--queue", "embed", "--canary", "0", "--dry-run").out
    assert planned.startswith("51 jobs, in the background.\n")
    assert "5 go first" in signalist("failed", "retry", "--queue", "embed", "--rate", "2.5").out
    (action,) = signalist("failed", "actions", "--json").json
    assert (action["state"], action["canary"], action["rate"]) == ("canary", 5, 2.5)
    assert signalist("failed", "proceed", action["id"]).out == "The rest goes ahead.\n"
    again = signalist("failed", "proceed", action["id"])
    assert (again.code, again.err) == (1, "It does not wait for its first jobs any more.\n")
    assert signalist("failed", "retry", "--all", "--rate", "0").code == 2


def test_a_group_is_discarded_after_a_question(signalist: Signalist, jobs: list[str]) -> None:
    group = signalist("failed", "groups", "--json").json[0]["fingerprint"]
    asked = signalist("failed", "discard", "--group", group)
    assert asked.code == 2
    assert asked.err.startswith("Discard 2 jobs: failed jobs with the cause TimeoutError?")
    assert len(open_jobs(signalist)) == 3
    assert signalist("failed", "discard", "--group", group, "--yes").out == "2 jobs are discarded.\n"
    assert open_jobs(signalist) == {jobs[2]}


def test_what_was_discarded_comes_back_one_by_one_or_as_an_action_took_it(
    signalist: Signalist, jobs: list[str]
) -> None:
    signalist("failed", "discard", *jobs)
    assert open_jobs(signalist) == set()
    assert {job["id"] for job in signalist("failed", "list", "--state", "discarded", "--json").json} == set(jobs)
    assert signalist("failed", "list", "--state", "asleep").code == 2
    assert signalist("failed", "reopen", jobs[0]).out == "1 job is back.\n"
    assert open_jobs(signalist) == {jobs[0]}
    done = {action["verb"]: action["id"] for action in signalist("failed", "actions", "--json").json}
    assert done["discard"] in signalist("failed", "actions").out
    assert signalist("failed", "reopen", "--action", done["discard"]).out == "2 jobs are back.\n"
    assert open_jobs(signalist) == set(jobs)
    over = signalist("failed", "cancel", done["discard"])
    assert (over.code, over.err) == (1, "It is over already.\n")


def test_one_is_retried_with_other_arguments(signalist: Signalist, jobs: list[str]) -> None:
    other = str(uuid.uuid4())
    for wrong, why in (
        ("{", "no JSON"),
        ("[" * 9_000, "no JSON"),
        ("7", "an array of them in order"),
        ('{"colour": 1}', "colour"),
    ):
        refused = signalist("failed", "edit", jobs[0], wrong)
        assert refused.code == 2
        assert why in refused.err
    assert signalist("failed", "edit", jobs[0], json.dumps({"article_id": other})).out == "1 job is on its way.\n"
    assert signalist("failed", "show", jobs[0], "--json").json["args"] == [other]
    assert signalist("failed", "edit", jobs[1], json.dumps([other])).out == "1 job is on its way.\n"
    assert signalist("failed", "show", jobs[1], "--json").json["args"] == [other]


@pytest.mark.parametrize("words", [(), ("--all", "--task", "crawl_feed")])
def test_what_is_meant_has_to_be_said(signalist: Signalist, words: tuple[str, ...]) -> None:
    assert signalist("failed", "retry", *words).code == 2
    assert signalist("failed", "discard", *words, "--yes").code == 2

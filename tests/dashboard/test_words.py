"""What the pages say, in words."""

import datetime as dt
import uuid

import pytest

from core.feeds import Added, Crawls, Refused
from core.indexes.report import IndexReport
from core.indexes.shape import Shape
from core.queries.feeds import FeedCounts, FeedRow
from core.queries.vector_index import SERVING, VectorIndex, VectorTable
from core.queues import QueueDepth
from core.queues.enqueueing import Acceptance
from core.queues.listing import SAMPLED, JobSample, ListedJob
from core.reading import succeeded
from dashboard.components.feed_dialog import what_goes
from dashboard.components.feed_table import name, result, state
from dashboard.components.queue_tiles import sentence as queue_sentence
from dashboard.context import QueueJobs
from dashboard.notices import ICON, notice
from dashboard.pages import jobs
from dashboard.pages.feeds import headline, lede
from dashboard.pages.index import headline as index_headline
from dashboard.phrasing import brief, in_how_long

NOW = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)


def feed(**changed: object) -> FeedRow:
    fields = dict.fromkeys(FeedRow.__dataclass_fields__) | {
        "id": uuid.UUID(int=1),
        "url": "https://me:hunter2@example.org/feed",
        "title": "",
        "enabled": True,
        "interval_s": 1800,
        "next_due_at": NOW,
        "errors_in_row": 0,
        "article_count": 0,
        "created_at": NOW,
    }
    return FeedRow(**{**fields, **changed})


def counts(**changed: object) -> FeedCounts:
    fields = {"total": 0, "enabled": 0, "disabled": 0, "failing": 0, "due": 0, "articles": 0}
    return FeedCounts(**{**fields, "oldest_due_at": None, "last_success_at": None, **changed})


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-3, "0 s"), (59, "59 s"), (60, "1 min"), (3600, "1 h"), (11_100, "3 h 5 min"), (172_800, "2 d")],
)
def test_ages_are_short(seconds: float, words: str) -> None:
    assert brief(seconds) == words


def test_what_is_due_says_when() -> None:
    assert in_how_long(NOW + dt.timedelta(minutes=12), NOW) == "in 12 min"
    assert in_how_long(NOW, NOW) == "due now"


def test_a_feed_without_a_title_is_called_by_its_address_without_the_password() -> None:
    assert name(feed()) == "https://example.org/feed"
    assert name(feed(title="Example Wire")) == "Example Wire"


def test_the_state_of_a_feed_has_an_icon_and_a_word() -> None:
    assert state(feed())[0] == "… new"
    assert state(feed(last_crawled_at=NOW))[0] == "● enabled"
    assert state(feed(enabled=False, disabled_reason="It answered 410: gone."))[::2] == (
        "‖ disabled",
        "It answered 410: gone.",
    )
    assert state(feed(last_crawled_at=NOW, errors_in_row=4))[::2] == ("▲ failing", "4 times in a row")


def test_an_old_error_is_not_shown_after_a_success() -> None:
    assert result(feed(last_error="It answered 500.", errors_in_row=1)) == ("It answered 500.", "bad")
    assert result(feed(last_error="It answered 500.", last_result="not modified")) == ("not modified", "")
    assert result(feed()) == ("not crawled yet", "mute")


def test_the_page_of_feeds_speaks_in_sentences() -> None:
    some = counts(total=85, enabled=82, disabled=3, failing=2, due=1, articles=2697)
    assert headline(some) == "85 feeds, 2 failing, 3 disabled"
    assert lede(some) == "They brought 2,697 articles; 1 is due now."
    assert lede(counts()) == "Nothing is crawled until there is one."


def test_adding_tells_what_became_of_each_address() -> None:
    one, two = uuid.UUID(int=1), uuid.UUID(int=2)
    queued = Crawls({Acceptance.ACCEPTED: 2})
    assert Added((one, two), (), (), queued).sentence == "2 feeds added and queued."
    assert Added((), ("https://example.org/",), (), Crawls()).sentence == "https://example.org/ is there already."
    refused = (Refused("x", "No."),)
    assert Added((one,), ("a", "b"), refused, Crawls(postponed=1)).sentence == (
        "1 feed added; 2 were there already; 1 refused; Redis cannot be reached, so they are crawled when it is back."
    )


def test_removing_says_what_goes_too() -> None:
    assert what_goes(0) == "It has no articles."
    assert what_goes(1) == "Its one article, with its embeddings and summary, goes with it."
    assert what_goes(1200) == "Its 1,200 articles, with their embeddings and summaries, go with it."


def test_a_queue_says_the_age_beside_the_depth_and_never_zero_for_unknown() -> None:
    queue = QueueDepth("crawl", 31, 6, 2, 4.0, paused=False, done=1042, failed=3)
    assert queue_sentence(queue, 1042.0, 3.0) == (
        "oldest 4 s, 6 running, 2 delayed; 1,042 done and 3 failed in the last hour"
    )
    unknown = QueueDepth("crawl", 1, 0, 0, None, paused=False, done=0, failed=0)
    assert queue_sentence(unknown, None, None) == "age unknown"


def test_an_index_that_was_not_measured_is_not_said_to_serve_well() -> None:
    shape = Shape("ivfflat", lists=10)
    index = VectorIndex(SERVING, shape, "vector_cosine_ops", 1, False, True, 1, 0, 0, 0, None, None)
    table = VectorTable(471, 0, 1, 1, None, None, (index,))
    fields = dict.fromkeys(IndexReport.__dataclass_fields__) | {"table": table, "invalid": ()}
    assert index_headline(IndexReport(**fields)) == f"{SERVING}: serves, not measured yet"
    assert index_headline(IndexReport(**fields | {"measured": object()})) == f"{SERVING}: serves well"
    assert index_headline(IndexReport(**fields | {"advice": "It is small."})) == f"{SERVING}: rebuild recommended"


def test_the_page_of_jobs_never_says_that_nothing_runs_above_a_job_that_does() -> None:
    crawl = QueueDepth("crawl", 0, 0, 1, None, paused=False, done=0, failed=0)
    embed = QueueDepth("embed", 1_200, 3, 0, 9.0, paused=False, done=0, failed=0)
    job = ListedJob("1", "crawl_feed", "crawl", None, (), NOW)
    runs = QueueJobs("crawl", JobSample(running=(job,), waiting=(), delayed=()), ())
    many = QueueJobs("embed", JobSample(running=(job,) * 2, waiting=(job,) * SAMPLED, delayed=()), ())
    known = succeeded((crawl, embed), NOW, 1)
    # Before the lists have been read, the queues say it; then the lists, as far as they have all.
    assert jobs.headline(known, [crawl], ()) == "Nothing runs, nothing waits"
    assert jobs.headline(known, [crawl], [runs]) == "1 job runs, nothing waits"
    assert jobs.lede(known, [crawl], ()).startswith("1 waits for another attempt")
    assert jobs.lede(known, [crawl], [runs]) == "What gave up is among the failed jobs."
    assert jobs.headline(known, [crawl, embed], [runs, many]) == "3 jobs run, 1,200 wait"


def test_what_asks_for_something_to_be_done_stays_longer_than_what_went_well(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[int] = []
    monkeypatch.setattr("nicegui.ui.notify", lambda _text, *, timeout, **_how: shown.append(timeout))
    for tone in ICON:
        notice("2 tokens that they made are still valid: revoke what they may have kept.", tone)
    well, warned, failed = shown
    assert warned == failed == 2 * well

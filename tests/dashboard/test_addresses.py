"""Every filter lives in the address, and an address that someone cut or made up is no error."""

import datetime as dt
import uuid

import pytest

from core.queries.articles import ArticleCursor
from core.queries.feeds import FeedCursor
from core.queries.records import RecordCursor
from dashboard.components.record_address import RecordAddress
from dashboard.pages.articles import Asked as AskedArticles
from dashboard.pages.feeds import Asked as AskedFeeds
from dashboard.pages.search import FIRST
from dashboard.pages.search import Asked as AskedSearch
from dashboard.urls import cursor, place, url

NOW = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)


def test_an_address_says_only_what_was_asked_for() -> None:
    assert url("/feeds", q="", state=None) == "/feeds"
    assert url("/search", q="rock & roll", feed="") == "/search?q=rock+%26+roll"


def test_where_a_page_ended_survives_the_address() -> None:
    ended = FeedCursor("Ärger & Co", uuid.uuid4())
    word = cursor(ended)
    assert word
    assert word.replace("-", "").replace("_", "").isalnum()
    assert place(word, FeedCursor) == ended
    assert place(word, RecordCursor) is None


@pytest.mark.parametrize(
    "word",
    ["", "x", "!!!", "bnVsbA", "é", *filter(None, map(cursor, [("a", "no id"), ("a",), (NOW, 2**63), (NOW, -1)]))],
)
def test_a_broken_address_shows_the_first_page(word: str) -> None:
    assert AskedFeeds.read("", "", word).after is None
    assert AskedArticles.read("", "", "", word).after is None
    assert record(after=word).after is None


def test_what_makes_no_sense_in_an_address_counts_as_not_said() -> None:
    assert AskedFeeds.read(" a ", "purple", "").url == "/feeds?q=a"
    assert AskedArticles.read("", "not an id", "9 years", "").url == "/articles"
    assert AskedSearch.read("x", "", "", "-5").number == FIRST
    assert AskedSearch.read("x", "", "", "99999").number == FIRST
    assert AskedSearch.read("x", "", "", "²").number == FIRST


def record(**said: str) -> RecordAddress:
    names = ("text", "actor", "action", "outcome", "within", "until", "after")
    return RecordAddress.read(**(dict.fromkeys(names, "") | said))


def test_the_address_of_the_record_says_what_and_when() -> None:
    after = cursor(RecordCursor(NOW, 7)) or ""
    asked = record(text=" x ", actor="otto", action="log in", outcome="refused", within="24", until="2026-05-01")
    assert asked.url == "/record?q=x&actor=otto&action=log+in&outcome=refused&within=24&until=2026-05-01"
    assert record(after=after).url == f"/record?after={after}"
    chosen = asked.filter(NOW)
    assert chosen.until == dt.datetime(2026, 5, 2).astimezone()
    assert chosen.until - chosen.since == dt.timedelta(hours=24)
    assert record(within="1").filter(NOW).since == NOW - dt.timedelta(hours=1)
    nonsense = record(action="dance", outcome="maybe", within="9", until="soon", after="x")
    assert nonsense.url == "/record"
    for day in ("9999-12-31", "0001-01-01"):
        record(until=day, within="8760").filter(NOW)


def test_an_address_leads_back_to_itself() -> None:
    feed = uuid.uuid4()
    for asked in (
        AskedFeeds.read("a", "failing", cursor(FeedCursor("alpha", feed)) or ""),
        AskedArticles.read("a", str(feed), "7d", cursor(ArticleCursor(NOW, feed)) or ""),
        AskedSearch.read("a", str(feed), "7d", "40"),
    ):
        _, _, query = asked.url.partition("?")
        given = dict(pair.split("=") for pair in query.split("&"))
        again = type(asked).read(*(given.get(name, "") for name in _NAMES[type(asked)]))
        assert again == asked


_NAMES = {
    AskedFeeds: ("q", "state", "after"),
    AskedArticles: ("q", "feed", "within", "after"),
    AskedSearch: ("q", "feed", "within", "n"),
}

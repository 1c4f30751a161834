"""Feeds are parsed in a process of their own: what a hostile one does there stays there."""

import asyncio
import datetime as dt
import os
import signal

import psutil
import pytest

from core.errors import FeedUnusable
from core.pipeline import parser as parsing
from core.pipeline.parse import parse
from core.pipeline.parsed import NotAFeed
from core.pipeline.parser import Parser

NOW = dt.datetime(2026, 5, 17, 12, tzinfo=dt.UTC)
URL = "https://news.example/feed"
FEED = (
    "<rss version='2.0'><channel><title>News</title><item><guid>1</guid><title>Café \ud83d\ude00</title>"
    "<pubDate>Sun, 17 May 2026 10:00:00 GMT</pubDate><description>text</description></item></channel></rss>"
).encode("utf-16", "surrogatepass")
# Feedparser looks for an address in it, in time that grows with the square of its length.
BOMB = f"<rss version='2.0'><channel><item><author>{'a.' * 200_000}</author></item></channel></rss>".encode()


def child() -> psutil.Process:
    (found,) = [one for one in psutil.Process().children() if "parse_process" in " ".join(one.cmdline())]
    return found


async def test_the_answer_is_the_same_as_from_parsing_here(parser: Parser) -> None:
    assert await parser.parse(FEED, "text/xml", URL, NOW) == parse(FEED, "text/xml", URL, NOW)


async def test_a_page_that_names_feeds_is_told_the_same_way(parser: Parser) -> None:
    page = b"<html><link rel=alternate type=application/rss+xml href=/rss></html>"
    with pytest.raises(NotAFeed) as found:
        await parser.parse(page, "text/html", URL, NOW)
    assert found.value.links == ("https://news.example/rss",)


async def test_one_process_answers_everyone_in_turn(parser: Parser) -> None:
    bodies = [f"<rss version='2.0'><channel><title>{n}</title></channel></rss>".encode() for n in range(20)]
    feeds = await asyncio.gather(*(parser.parse(body, "", URL, NOW) for body in bodies))
    assert [feed.title for feed in feeds] == [str(n) for n in range(20)]
    assert child().is_running()


async def test_a_feed_that_takes_for_ever_is_given_up_and_the_next_one_is_read(
    parser: Parser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parsing, "CPU_LIMIT_S", 1)
    hostile = asyncio.create_task(parser.parse(BOMB, "", URL, NOW))
    innocent = asyncio.create_task(parser.parse(FEED, "", URL, NOW))
    with pytest.raises(FeedUnusable, match="to parse, so it was given up"):
        await hostile
    assert (await innocent).title == "News"


async def test_the_event_loop_stays_free_meanwhile(parser: Parser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "CPU_LIMIT_S", 1)
    hostile = asyncio.create_task(parser.parse(BOMB, "", URL, NOW))
    longest = 0.0
    loop = asyncio.get_running_loop()
    while not hostile.done():
        before = loop.time()
        await asyncio.sleep(0)
        longest = max(longest, loop.time() - before)
    assert longest < 0.5
    with pytest.raises(FeedUnusable):
        await hostile


async def test_a_feed_that_breaks_a_library_is_a_fault_of_the_feed(parser: Parser) -> None:
    broken = b'<?xml version="1.0" encoding="\xff\xff"?><rss version="2.0"><channel></channel></rss>'
    with pytest.raises(FeedUnusable, match=r"damaged .* \(UnicodeDecodeError\)"):
        await parser.parse(broken, "", URL, NOW)
    assert (await parser.parse(FEED, "", URL, NOW)).title == "News"


async def test_a_cancelled_job_does_not_leave_its_answer_to_the_next(parser: Parser) -> None:
    cancelled = asyncio.create_task(parser.parse(BOMB, "", URL, NOW))
    while not psutil.Process().children():
        await asyncio.sleep(0.01)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    assert (await parser.parse(FEED, "", URL, NOW)).title == "News"


async def test_a_process_that_is_killed_is_replaced(parser: Parser) -> None:
    await parser.parse(FEED, "", URL, NOW)
    first = child()
    first.kill()
    assert parser._child is not None
    await parser._child.process.wait()
    assert (await parser.parse(FEED, "", URL, NOW)).title == "News"
    assert child().pid != first.pid


async def test_a_ctrl_c_that_reaches_the_group_leaves_it_to_the_worker(parser: Parser) -> None:
    await parser.parse(FEED, "", URL, NOW)
    os.kill(child().pid, signal.SIGINT)
    os.kill(child().pid, signal.SIGTERM)
    assert (await parser.parse(FEED, "", URL, NOW)).title == "News"


async def test_it_sees_no_secret_of_the_worker(parser: Parser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-hunter22")
    await parser.parse(FEED, "", URL, NOW)
    assert "OPENAI_API_KEY" not in child().environ()


async def test_it_ends_with_the_worker() -> None:
    parser = Parser()
    await parser.parse(FEED, "", URL, NOW)
    process = child()
    await parser.close()
    assert not process.is_running()

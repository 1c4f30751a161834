"""Feeds as the person on call handles them, in a real browser."""

import asyncio
import re
from pathlib import Path

import psycopg
import pytest
from playwright.async_api import BrowserContext, Page, expect

from core import queues
from core.access import Role

pytestmark = pytest.mark.browser


async def operator(dashboard, window: BrowserContext, to: str = "/feeds") -> Page:
    await dashboard.person("otto", Role.OPERATOR)
    return await dashboard.log_in(window, "otto", to=to)


def store(url: str, *feeds: tuple[str, str, int]) -> None:
    """Feeds as (address, title, failures in a row), crawled a minute ago and due in an hour."""
    with psycopg.connect(url) as connection:
        for address, title, errors in feeds:
            connection.execute(
                "insert into feeds (url, title, errors_in_row, last_error, last_crawled_at, next_due_at, last_result)"
                " values (%s, %s, %s, %s, now() - interval '1 min', now() + interval '1 hour', '3 articles, 3 new')",
                (address, title, errors, "It answered 500." if errors else None),
            )


def records(url: str) -> list[tuple[str, str, str, str]]:
    with psycopg.connect(url) as connection:
        return connection.execute(
            "select actor, face, details->>'verb', outcome from records where action = 'edit feeds' order by id"
        ).fetchall()


async def waiting(redis_url: str) -> int:
    redis = queues.connect(redis_url)
    try:
        return await redis.xlen("signalist:{crawl}:stream")
    finally:
        await redis.aclose()


async def test_a_feed_is_added_and_stands_in_the_table_with_its_crawl_queued(
    dashboard, window: BrowserContext, database_url: str, redis_url: str
) -> None:
    page = await operator(dashboard, window)
    await expect(page.get_by_role("heading", name="There is no feed yet")).to_be_visible()
    await page.get_by_role("button", name="Add feeds").first.click()
    await page.get_by_label("Addresses, one a line").fill("example.org/feed.xml")
    await page.get_by_role("button", name="Add", exact=True).click()
    row = page.get_by_role("row").filter(has_text="https://example.org/feed.xml")
    await expect(row).to_contain_text("not crawled yet")
    await expect(page.get_by_role("heading", level=1)).to_have_text("1 feed")
    assert await waiting(redis_url) == 1
    assert records(database_url)[-1] == ("otto", "browser", "add", "done")


async def test_a_bad_address_is_told_why_and_stays_to_be_corrected(
    dashboard, window: BrowserContext, database_url: str
) -> None:
    store(database_url, ("https://example.org/a", "Old friend", 0))
    page = await operator(dashboard, window)
    await page.get_by_role("button", name="Add feeds").click()
    field = page.get_by_label("Addresses, one a line")
    await field.fill("ftp://example.org/feed\nexample.org/a\nexample.org/b")
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(page.get_by_text("1 feed added and queued; 1 was there already; 1 refused.")).to_be_visible()
    await expect(page.get_by_text("ftp: addresses cannot be crawled, only http and https.")).to_be_visible()
    await expect(field).to_have_value("ftp://example.org/feed")
    await field.fill("https://example.org/a")
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(page.get_by_text("https://example.org/a is there already.")).to_be_visible()


async def test_what_is_typed_survives_the_refresh_of_the_page(
    dashboard, window: BrowserContext, database_url: str
) -> None:
    store(database_url, ("https://example.org/a", "Old friend", 0))
    page = await operator(dashboard, window)
    await page.get_by_role("searchbox", name="Title or address").fill("half a wo")
    store(database_url, ("https://example.org/b", "New friend", 0))
    await expect(page.get_by_role("heading", level=1)).to_have_text("2 feeds")
    await expect(page.get_by_role("searchbox", name="Title or address")).to_have_value("half a wo")


async def test_an_opml_file_is_imported_and_exported_again(dashboard, window: BrowserContext, tmp_path: Path) -> None:
    file = tmp_path / "feeds.opml"
    file.write_text(
        '<opml version="2.0"><body><outline text="Folder"><outline text="One" xmlUrl="https://example.org/one"/>'
        '<outline text="Two" xmlUrl="https://example.org/two"/></outline>'
        '<outline text="Bad" xmlUrl="gopher://example.org"/></body></opml>'
    )
    page = await operator(dashboard, window)
    await page.get_by_role("button", name="Import OPML").first.click()
    async with page.expect_file_chooser() as chooser:
        await page.get_by_role("button", name="Choose a file…").click()
    await (await chooser.value).set_files(file)
    await expect(page.get_by_text("2 feeds added and queued; 1 refused.")).to_be_visible()
    await page.get_by_role("button", name="Close").click()
    await expect(page.get_by_role("link", name="Two", exact=True)).to_be_visible()
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Export OPML").click()
    exported = await asyncio.to_thread((await (await download.value).path()).read_text)
    assert 'xmlUrl="https://example.org/one"' in exported
    assert (await download.value).suggested_filename == "signalist.opml"


async def test_a_file_that_is_no_opml_is_refused_in_a_sentence(
    dashboard, window: BrowserContext, tmp_path: Path
) -> None:
    file = tmp_path / "notes.xml"
    file.write_text("<html/>")
    page = await operator(dashboard, window)
    await page.get_by_role("button", name="Import OPML").first.click()
    async with page.expect_file_chooser() as chooser:
        await page.get_by_role("button", name="Choose a file…").click()
    await (await chooser.value).set_files(file)
    await expect(page.get_by_text("The file is XML, but not OPML.")).to_be_visible()


async def test_crawl_now_queues_once_and_says_so_the_second_time(
    dashboard, window: BrowserContext, database_url: str, redis_url: str
) -> None:
    store(database_url, ("https://example.org/a", "Alpha", 0), ("https://example.org/b", "Beta", 0))
    page = await operator(dashboard, window)
    crawl = page.get_by_role("button", name="Crawl Alpha now")
    await crawl.dblclick()
    await expect(page.get_by_text("Alpha is queued.").first).to_be_visible()
    await crawl.click()
    await expect(page.get_by_text("Alpha waits in the queue already.").first).to_be_visible()
    assert await waiting(redis_url) == 1
    await page.get_by_role("button", name="Crawl all").click()
    await expect(page.get_by_text("1 feed queued; 1 feed waited already.").first).to_be_visible()
    assert await waiting(redis_url) == 2


async def test_a_feed_is_disabled_crawled_less_often_and_removed(
    dashboard, window: BrowserContext, database_url: str
) -> None:
    store(database_url, ("https://example.org/a", "Alpha", 0))
    page = await operator(dashboard, window)
    more = page.get_by_role("button", name="More about Alpha")
    await more.click()
    await page.get_by_label("Minutes between crawls").fill("1")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("The interval is between 5 min and 7 d.").first).to_be_visible()
    await page.get_by_label("Minutes between crawls").fill("120")
    await page.get_by_role("button", name="Save").click()
    notices = page.locator(".q-notification")
    await expect(notices.filter(has_text="Alpha is crawled every 2 h.")).to_be_visible()
    # What was refused before is not said beside it.
    assert await notices.count() == 1
    await expect(notices.locator(".q-notification__badge")).to_be_hidden()
    await more.click()
    await page.get_by_role("button", name="Disable").click()
    await expect(page.get_by_role("row").filter(has_text="Alpha")).to_contain_text("disabled")
    await more.click()
    await page.get_by_role("button", name="Remove…").click()
    await expect(page.get_by_role("heading", name="Remove Alpha?")).to_be_visible()
    await page.get_by_role("button", name="Remove it").click()
    await expect(page.get_by_role("heading", name="There is no feed yet")).to_be_visible()
    assert [(row[2], row[3]) for row in records(database_url)] == [
        ("interval", "done"),
        ("disable", "done"),
        ("remove", "done"),
    ]


async def test_every_filter_is_in_the_address_and_survives_reload_and_back(
    dashboard, window: BrowserContext, database_url: str
) -> None:
    store(database_url, ("https://example.org/a", "Alpha", 0), ("https://example.org/b", "Broken", 4))
    page = await operator(dashboard, window)
    rows = page.locator("table.stack tbody tr")
    await expect(rows).to_have_count(2)
    await page.get_by_role("link", name="Failing 1").click()
    await expect(page).to_have_url(re.compile(r"/feeds\?state=failing$"))
    await expect(rows).to_have_count(1)
    await expect(rows).to_contain_text("4 times in a row")
    await page.reload()
    await expect(rows).to_contain_text("It answered 500.")
    box = page.get_by_role("searchbox", name="Title or address")
    await box.fill("alp")
    await box.press("Enter")
    await expect(page).to_have_url(re.compile(r"state=failing&q=alp$"))
    await expect(page.get_by_role("heading", name="No feed with “alp” and the state failing")).to_be_visible()
    await page.go_back()
    await expect(rows).to_have_count(1)
    await page.get_by_role("link", name="All 2").click()
    await expect(page).to_have_url(re.compile(r"/feeds$"))


async def test_a_long_list_comes_in_pages_that_can_be_bookmarked(
    dashboard, window: BrowserContext, database_url: str
) -> None:
    store(database_url, *((f"https://example.org/{n:03}", f"Feed {n:03}", 0) for n in range(120)))
    page = await operator(dashboard, window)
    seen = []
    for number in (50, 50, 20):
        rows = page.locator("table.stack tbody tr")
        await expect(rows).to_have_count(number)
        seen += await page.locator("table.stack a.lede").all_inner_texts()
        if number == 50:
            await page.get_by_role("link", name="Next 50").click()
            await expect(page.get_by_role("link", name="First page")).to_be_visible()
    assert seen == [f"Feed {n:03}" for n in range(120)]


async def test_a_viewer_sees_the_feeds_and_no_way_to_change_them(
    dashboard, window: BrowserContext, database_url: str
) -> None:
    store(database_url, ("https://example.org/a", "Alpha", 0))
    await dashboard.person("vera", Role.VIEWER)
    page = await dashboard.log_in(window, "vera", to="/feeds")
    await expect(page.get_by_role("link", name="Alpha", exact=True)).to_be_visible()
    for name in ("Add feeds", "Crawl all", "Import OPML", "Crawl Alpha now"):
        await expect(page.get_by_role("button", name=name)).to_have_count(0)
    answer = await page.request.get("/feeds.opml")
    assert answer.status == 403

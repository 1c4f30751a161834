"""Everyone can use every page: axe-core finds nothing serious, in light and dark, wide and on a phone."""

import psycopg
import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from core.access import Role

pytestmark = pytest.mark.browser

SIZES = {"wide": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def fill(url: str) -> str:
    """A feed of each state and an article; returns the article's id."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "insert into feeds"
            " (url, title, site_url, errors_in_row, last_error, enabled, last_crawled_at, article_count) values"
            " ('https://example.org/a', 'Alpha', 'https://example.org', 0, null, true, now(), 1),"
            " ('https://example.org/b', 'Broken', null, 5, 'It answered 500.', true, now(), 0),"
            " ('https://example.org/c', '', null, 0, null, false, null, 0)"
        )
        row = connection.execute(
            "insert into articles (feed_id, guid, title, author, url, text, content_hash, published_at, summary)"
            " select id, '1', 'Register allocation', 'Ada', 'https://example.org/1', 'Registers hold values.', 'x',"
            " now(), 'About registers.' from feeds where title = 'Alpha' returning id"
        ).fetchone()
        assert row is not None
        return str(row[0])


async def complaints(page: Page) -> list[str]:
    found = await Axe().run(page, options=RULES)
    return [
        f"{page.url}: {violation['id']}: {violation['help']} {[node['html'][:160] for node in violation['nodes']]}"
        for violation in found.response["violations"]
        if violation["impact"] in {"serious", "critical"}
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_nothing_serious_is_found_on_any_page(dashboard, browser: Browser, database_url: str, theme: str) -> None:
    article = fill(database_url)
    await dashboard.person("otto", Role.OPERATOR)
    window = await browser.new_context(base_url=dashboard.url, reduced_motion="reduce")
    window.set_default_timeout(10_000)
    page = await dashboard.log_in(window, "otto")
    await window.add_cookies([{"name": "theme", "value": theme, "url": dashboard.url}])
    found = []
    for path in (
        "/",
        "/queues",
        "/feeds",
        "/feeds?q=nothing",
        "/articles",
        f"/articles/{article}",
        "/search",
        "/search?q=x",
    ):
        await page.goto(path)
        await expect(page.locator("#live.ok")).to_be_visible()
        for size in SIZES.values():
            await page.set_viewport_size(size)
            found += await complaints(page)
            wider = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wider <= 0, f"{path} scrolls sideways by {wider} px in {size}"
    await page.goto("/feeds")
    for opener in ("Add feeds", "Import OPML", "More about Alpha"):
        await page.get_by_role("button", name=opener).click()
        await expect(page.get_by_role("dialog")).to_be_visible()
        await expect(page.locator(".q-dialog__inner--animating")).to_have_count(0)
        found += await complaints(page)
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("dialog")).to_have_count(0)
    await window.close()
    assert not found, "\n".join(found)


async def test_a_feed_is_added_with_the_keyboard_alone(dashboard, browser: Browser) -> None:
    await dashboard.person("otto", Role.OPERATOR)
    window = await browser.new_context(base_url=dashboard.url)
    window.set_default_timeout(10_000)
    page = await dashboard.log_in(window, "otto")
    await expect(page.locator("#live.ok")).to_be_visible()
    await page.keyboard.press("g")
    await page.keyboard.press("f")
    await expect(page.get_by_role("heading", name="There is no feed yet")).to_be_visible()
    await page.keyboard.press("Control+k")
    await page.keyboard.type("add feeds")
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Addresses, one a line")).to_be_focused()
    await page.keyboard.type("example.org/feed")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Add", exact=True)).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("row").filter(has_text="https://example.org/feed")).to_be_visible()
    await window.close()

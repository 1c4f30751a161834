"""Who did what, as an operator reads it in a real browser."""

import psycopg
import pytest
from playwright.async_api import BrowserContext, expect

from core.access import Role

pytestmark = pytest.mark.browser

MANY = """
    insert into records (at, actor, address, face, action, target, outcome, details)
    select now() - n * interval '1 min', 'anna', '192.0.2.7', 'browser', 'pause queue', 'crawl ' || n,
           case when n % 20 = 0 then 'refused' else 'done' end,
           case when n % 20 = 0 then '{"verb": "pause", "error": "Not today."}'::jsonb else '{"verb": "pause"}' end
      from generate_series(1, 120) n
"""


async def test_the_record_is_narrowed_read_on_and_announces_what_comes(
    dashboard, window: BrowserContext, database_url: str
) -> None:
    await dashboard.person("otto", Role.OPERATOR)
    with psycopg.connect(database_url) as connection:
        connection.execute(MANY)
    page = await dashboard.log_in(window, "otto", to="/record")
    rows = page.locator("table.record tbody tr")
    await expect(rows).to_have_count(50)
    await expect(rows.first).to_contain_text("log in")
    await expect(page.get_by_text("50 of 122 actions")).to_be_visible()

    # What comes is announced; no row moves.
    await window.request.post("/api/v1/queues/crawl/pause", headers={"origin": dashboard.url})
    await expect(page.get_by_role("link", name="1 new: show")).to_be_visible()
    await expect(rows).to_have_count(50)
    await expect(rows.first).to_contain_text("log in")
    await page.get_by_role("link", name="1 new: show").click()
    await expect(rows.first).to_contain_text("pause queue: pause")
    await expect(rows.first).to_contain_text("127.0.0.1, through the API")

    await page.get_by_label("Outcome").select_option("refused")
    await expect(rows).to_have_count(6)
    assert page.url.endswith("/record?outcome=refused")
    await expect(rows.first).to_contain_text("Not today.")
    await page.get_by_label("Who", exact=True).select_option("anna")
    await page.get_by_label("Target, address or detail").fill("crawl 40")
    await page.keyboard.press("Enter")
    await expect(rows).to_have_count(1)
    assert "actor=anna" in page.url
    assert "q=crawl+40" in page.url
    # Otto acts: nothing of anna's.
    await window.request.post("/api/v1/queues/crawl/resume", headers={"origin": dashboard.url})
    async with page.expect_download() as download:
        await page.locator("summary", has_text="Export").click()
        await page.get_by_role("link", name="CSV").click()
    assert "crawl 40" in (await (await download.value).path()).read_text()
    await page.get_by_label("Target, address or detail").fill("zebra")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Nothing in the record matches that")).to_be_visible()

    await page.get_by_role("link", name="Show all", exact=True).first.click()
    await page.get_by_role("link", name="Older 50").click()
    await expect(rows.first).to_contain_text("crawl ")
    await page.get_by_role("link", name="First page").click()
    await expect(rows.first).to_contain_text("pause queue: resume")


async def test_the_record_is_not_for_viewers(dashboard, window: BrowserContext) -> None:
    await dashboard.person("vera", Role.VIEWER)
    page = await dashboard.log_in(window, "vera", to="/record")
    await expect(page.get_by_role("heading", name="The record is read by operators and admins")).to_be_visible()
    await expect(page.get_by_role("table")).to_have_count(0)


async def test_what_can_be_narrowed_is_read_in_full(dashboard, window: BrowserContext) -> None:
    await dashboard.person("otto", Role.OPERATOR)
    page = await dashboard.log_in(window, "otto", to="/record")
    await page.set_viewport_size({"width": 1440, "height": 900})
    # As wide as a field of its own would be that holds nothing but the words that are shown.
    clipped = """fields => fields.filter(field => {
        const alone = field.cloneNode(false), words = field.placeholder || field.selectedOptions[0].text;
        if (field.placeholder) alone.size = words.length * 0.8;
        else alone.append(new Option(words));
        Object.assign(alone.style, {maxWidth: "none", width: "auto", position: "absolute"});
        document.querySelector(".bar").append(alone);
        return alone.offsetWidth > field.offsetWidth;
    }).map(field => field.name)"""
    assert await page.locator(".filters select, .filters [type=search]").evaluate_all(clipped) == []

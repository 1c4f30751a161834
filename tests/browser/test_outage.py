"""Pages while Postgres is away: they stay, say what they do not know and since when, and come back by themselves."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from playwright.async_api import BrowserContext, expect

from core.access import Role

pytestmark = pytest.mark.browser


@pytest.fixture
def postgres_goes_away(postgres_url: str, database_url: str, slate: Any) -> Iterator[Callable[[bool], None]]:
    """`postgres_goes_away(True)` ends every connection to the test's database and refuses new ones."""

    def switch(away: bool) -> None:
        with psycopg.connect(postgres_url, autocommit=True) as admin:
            admin.execute(f"alter database signalist_test with allow_connections {not away}")
            if away:
                admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = 'signalist_test'")

    yield switch
    switch(False)
    slate.spoil()


async def test_pages_say_what_they_do_not_know_and_recover(
    dashboard, window: BrowserContext, database_url: str, postgres_goes_away: Callable[[bool], None]
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("insert into feeds (url, title, article_count) values ('https://example.org/a', 'Alpha', 3)")
    await dashboard.person("otto", Role.OPERATOR)
    page = await dashboard.log_in(window, "otto", to="/feeds")
    await expect(page.get_by_role("link", name="Alpha", exact=True)).to_be_visible()
    postgres_goes_away(True)
    banner = page.locator(".banner", has_text="What is below was read")
    await expect(banner).to_contain_text("Since ")
    await expect(page.get_by_role("link", name="Alpha", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Crawl Alpha now").click()
    await expect(page.locator(".q-notification")).to_be_visible()
    fresh = await window.new_page()
    for path in ("/feeds", "/articles", "/search?q=bread"):
        await fresh.goto(path)
        await expect(fresh.get_by_text("It is tried again by itself, every few seconds.")).to_be_visible()
    await fresh.goto("/queues")
    await expect(fresh.get_by_role("heading", level=1)).to_have_text("Nothing waits")
    await fresh.goto("/feeds")
    await expect(fresh.get_by_text("It is tried again by itself, every few seconds.")).to_be_visible()
    postgres_goes_away(False)
    await expect(banner).to_be_hidden()
    await expect(fresh.get_by_role("link", name="Alpha", exact=True)).to_be_visible()

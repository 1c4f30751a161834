"""The workers, in the browser."""

import pytest
from playwright.async_api import BrowserContext, expect

from core.access import Role

pytestmark = pytest.mark.browser


async def test_that_no_worker_is_alive_is_said_once(dashboard, window: BrowserContext) -> None:
    await dashboard.person("vera", Role.VIEWER)
    page = await dashboard.log_in(window, "vera", to="/workers")
    await expect(page.get_by_role("heading", level=1)).to_have_text("No worker is alive")
    assert (await page.locator(".main").inner_text()).count("signalist worker") == 1
    await expect(page.get_by_role("heading", level=2)).to_have_count(0)

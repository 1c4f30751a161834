"""Logging in and out in a real browser."""

import datetime as dt
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import BrowserContext, Page, expect

from core.access import Role, on_this_machine
from core.accounts import people

if TYPE_CHECKING:
    from tests.browser.conftest import Dashboard

pytestmark = pytest.mark.browser
ROOT = on_this_machine("root")
# Two seconds is what is promised; a machine that runs other tests as well gets more.
TOLD_WITHIN_MS = 10_000


async def is_live(page: Page) -> None:
    await expect(page.locator("#live")).to_contain_text("live")


async def test_a_person_logs_in_with_the_keyboard_and_comes_to_the_page_they_wanted(
    dashboard: "Dashboard", window: BrowserContext
) -> None:
    await dashboard.person("vera", Role.VIEWER)
    page = await window.new_page()
    await page.goto("/feeds?state=failing")
    await expect(page).to_have_title("Log in · Signalist")
    await expect(page.get_by_label("Name")).to_be_focused()
    await page.keyboard.type("Vera")
    await page.keyboard.press("Tab")
    await page.keyboard.type("wrong")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("The name or the password is wrong.")
    await expect(page.get_by_label("Name")).to_have_value("Vera")
    await expect(page.get_by_label("Password")).to_be_focused()
    await page.keyboard.type("correct horse battery staple")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/feeds?state=failing")
    await is_live(page)


async def test_logging_out_in_one_tab_shows_the_login_in_the_other(
    dashboard: "Dashboard", window: BrowserContext
) -> None:
    await dashboard.person("vera", Role.VIEWER)
    other = await dashboard.log_in(window, "vera", to="/feeds")
    await is_live(other)
    page = await window.new_page()
    await page.goto("/")
    await page.get_by_role("button", name="Log out").click()
    await page.wait_for_url("**/login")
    await other.wait_for_url("**/login?next=/feeds", timeout=TOLD_WITHIN_MS)
    await page.goto("/feeds")
    await expect(page.get_by_label("Password")).to_be_visible()


async def test_a_tab_that_slept_while_its_session_ended_wakes_up_to_the_login(
    dashboard: "Dashboard", window: BrowserContext
) -> None:
    await dashboard.person("vera", Role.VIEWER)
    page = await dashboard.log_in(window, "vera")
    await is_live(page)
    await page.evaluate("window.socket.disconnect()")
    await people.disable(dashboard.database, ROOT, "cli", name="vera", now=dt.datetime.now(dt.UTC))
    await page.evaluate("window.socket.connect()")
    await page.wait_for_url("**/login*")


async def test_no_page_of_another_host_shows_ours_in_a_frame(dashboard: "Dashboard", window: BrowserContext) -> None:
    page = await window.new_page()
    await page.set_content(f'<iframe src="{dashboard.url}/login"></iframe>')
    frame = page.frame_locator("iframe")
    await expect(page.locator("iframe")).to_be_visible()
    await expect(frame.get_by_label("Password")).to_have_count(0)

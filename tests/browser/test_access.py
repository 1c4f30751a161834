"""Who may come in, as an admin manages it in a real browser."""

import psycopg
import pytest
from playwright.async_api import Browser, BrowserContext, expect

from core.access import Role

pytestmark = pytest.mark.browser
PASSWORD = "correct horse battery staple"


async def test_an_admin_lets_people_and_programs_in_and_out(
    dashboard, browser: Browser, window: BrowserContext, database_url: str
) -> None:
    await dashboard.person("anna", Role.ADMIN)
    page = await dashboard.log_in(window, "anna", to="/access")
    await expect(page.get_by_role("heading", level=1)).to_have_text("1 person, 1 session, 0 valid tokens")

    await page.get_by_role("button", name="Add a person").click()
    dialog = page.get_by_role("dialog", name="Add a person")
    await dialog.get_by_label("Name").fill("otto")
    await dialog.get_by_label("Password").fill(PASSWORD)
    await dialog.get_by_role("button", name="Add", exact=True).click()
    await expect(page.get_by_text("otto can log in as viewer.")).to_be_visible()
    otto = page.get_by_role("table", name="People").get_by_role("row").filter(has_text="otto")
    await expect(otto).to_contain_text("viewer")

    other = await browser.new_context(base_url=dashboard.url)
    theirs = await dashboard.log_in(other, "otto", to="/access")
    await expect(theirs.get_by_text("An admin manages the rest")).to_be_visible()
    await expect(theirs.get_by_role("table", name="Your sessions").get_by_role("row")).to_have_count(2)
    await expect(theirs.get_by_role("table", name="People")).to_have_count(0)

    await otto.get_by_role("button", name="Manage otto").click()
    dialog = page.get_by_role("dialog", name="otto")
    await dialog.get_by_label("Role").select_option("operator")
    await dialog.get_by_role("button", name="Save").click()
    await expect(otto).to_contain_text("operator")
    await expect(theirs.get_by_text("You are otto, operator.")).to_be_visible()

    await otto.get_by_role("button", name="Manage otto").click()
    done = await page.get_by_role("link", name="What they did").get_attribute("href")
    assert done == "/record?actor=otto"
    await page.keyboard.press("Escape")

    await page.get_by_role("button", name="End the session of otto").click()
    await theirs.wait_for_url("**/login**")
    await expect(page.get_by_role("button", name="End the session of otto")).to_have_count(0)
    await other.close()

    await page.get_by_role("button", name="Create a token").click()
    dialog = page.get_by_role("dialog", name="Create a token")
    await dialog.get_by_label("What it is for").fill("prometheus")
    await dialog.get_by_label("Days that it is valid").fill("30")
    await dialog.get_by_role("button", name="Create", exact=True).click()
    dialog = page.get_by_role("dialog", name="The token prometheus")
    secret = await dialog.get_by_label("The secret").inner_text()
    headers = {"authorization": f"Bearer {secret}"}
    assert (await window.request.get("/api/v1/queues", headers=headers)).status == 200
    await dialog.get_by_role("button", name="I have kept it").click()
    await expect(page.get_by_text(secret)).to_have_count(0)

    await page.get_by_role("button", name="Revoke prometheus").click()
    await page.get_by_role("dialog").get_by_role("button", name="Revoke it").click()
    await expect(page.get_by_role("row").filter(has_text="prometheus")).to_contain_text("revoked")
    assert (await window.request.get("/api/v1/queues", headers=headers)).status == 401

    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "select action, coalesce(details->>'change', target) from records where actor = 'anna' and outcome = 'done'"
            " and action <> 'log in' order by id"
        ).fetchall()
    assert rows == [
        ("manage users", "added"),
        ("manage users", "role"),
        ("end sessions", "otto"),
        ("manage tokens", "created"),
        ("manage tokens", "revoked"),
    ]


async def test_who_would_shut_oneself_out_is_asked_first(dashboard, window: BrowserContext) -> None:
    await dashboard.person("anna", Role.ADMIN)
    await dashboard.person("ada", Role.ADMIN)
    page = await dashboard.log_in(window, "anna", to="/access")

    await page.get_by_role("button", name="Manage anna").click()
    await page.get_by_role("button", name="Disable", exact=True).click()
    dialog = page.get_by_role("dialog", name="Disable your own account?")
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(dialog).to_have_count(0)

    await page.get_by_role("button", name="End the session of anna").click()
    dialog = page.get_by_role("dialog", name="End your own session?")
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(dialog).to_have_count(0)

    await page.get_by_role("button", name="Manage anna").click()
    await page.get_by_label("Role").select_option("viewer")
    await page.get_by_role("button", name="Save").click()
    await (
        page.get_by_role("dialog", name="Take your own role away?").get_by_role("button", name="Become viewer").click()
    )
    await expect(page.get_by_text("You are anna, viewer.")).to_be_visible()


async def test_everyone_ends_their_own_sessions_and_changes_their_own_password(
    dashboard, browser: Browser, window: BrowserContext
) -> None:
    await dashboard.person("vera", Role.VIEWER)
    others = [await browser.new_context(base_url=dashboard.url) for _ in range(3)]
    elsewhere = [await dashboard.log_in(other, "vera") for other in others]
    page = await dashboard.log_in(window, "vera", to="/access")
    ends = page.get_by_role("button", name="End the session of vera")
    await expect(ends).to_have_count(4)
    await page.get_by_role("row").filter(has_not_text="this session").locator("button").first.click()
    await expect(ends).to_have_count(3)
    await page.get_by_role("button", name="End my other sessions").click()
    await expect(page.get_by_text("2 other sessions of yours ended; this one stays.")).to_be_visible()
    await expect(page.get_by_role("button", name="End my other sessions")).to_be_hidden()
    for one in elsewhere:
        await one.wait_for_url("**/login**")
        await one.context.close()
    await page.get_by_label("Old password").fill("a guess of somebody else")
    await page.get_by_label("New password", exact=True).fill("seven new words nobody knows")
    await page.get_by_label("New password again").fill("seven new words nobody knows")
    await page.get_by_role("button", name="Change it").click()
    await expect(page.get_by_text("The old password is wrong.")).to_be_visible()
    await page.get_by_label("Old password").fill(PASSWORD)
    await page.get_by_role("button", name="Change it").click()
    await expect(page.get_by_text("Your password is changed")).to_be_visible()
    await expect(page.get_by_label("Old password")).to_have_value("")
    await page.reload()
    await expect(page.get_by_text("You are vera, viewer.")).to_be_visible()

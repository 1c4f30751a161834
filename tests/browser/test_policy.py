"""Every page works under the Content-Security-Policy that it is sent with, and the policy stops what gets in."""

import asyncio
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import BrowserContext, expect

from core.access import Role

if TYPE_CHECKING:
    from tests.browser.conftest import Dashboard

pytestmark = pytest.mark.browser
WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (e) =>
  window.violations.push(`${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}:${e.lineNumber}`));
"""


async def test_no_page_needs_more_than_the_policy_allows(
    dashboard: "Dashboard", window: BrowserContext, addresses: tuple[str, ...]
) -> None:
    await dashboard.person("ada", Role.ADMIN)
    complaints: list[str] = []
    window.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    window.on("weberror", lambda error: complaints.append(str(error.error)))
    await window.add_init_script(WATCH)
    await (await dashboard.log_in(window, "ada")).close()
    # Several at a time: most of it is waiting until a page has come to rest.
    tabs = asyncio.Semaphore(5)

    async def violations(path: str) -> list[str]:
        async with tabs:
            page = await window.new_page()
            await page.goto(path)
            if path in addresses:
                await expect(page.locator("#live")).to_contain_text("live")
                await page.wait_for_load_state("networkidle")
            found: list[str] = await page.evaluate("window.violations")
            await page.close()
            return found

    paths = (*addresses, "/login", "/api/")
    found = dict(zip(paths, await asyncio.gather(*map(violations, paths)), strict=True))
    assert {path: wrong for path, wrong in found.items() if wrong} == {}
    assert complaints == []


async def test_a_script_that_got_into_a_page_does_not_run(dashboard: "Dashboard", window: BrowserContext) -> None:
    await dashboard.person("vera", Role.VIEWER)
    await window.add_init_script(WATCH)
    page = await dashboard.log_in(window, "vera")
    await expect(page.locator("#live")).to_contain_text("live")
    ran: list[str] = []

    def remember(what: str) -> None:
        ran.append(what)

    await page.expose_function("ran", remember)
    await page.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "window.ran('inline script')";
          document.body.append(script);
          const image = document.createElement("div");
          image.innerHTML = '<img src="/nothing.png" onerror="window.ran(\\'handler\\')">';
          document.body.append(image);
          const link = document.createElement("a");
          link.href = "javascript:window.ran('link')";
          document.body.append(link);
          link.click();
          const foreign = document.createElement("script");
          foreign.src = "http://127.0.0.1:9/evil.js";
          document.body.append(foreign);
          const frame = document.createElement("iframe");
          frame.srcdoc = "<script>parent.ran('frame')</scr" + "ipt>";
          document.body.append(frame);
          const base = document.createElement("base");
          base.href = "http://127.0.0.1:9/";
          document.head.append(base);
        }"""
    )
    await page.wait_for_function("window.violations.length >= 5")
    assert ran == []

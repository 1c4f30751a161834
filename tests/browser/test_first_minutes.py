"""From an empty dashboard to an answer: a feed is added in the browser, and a worker does the rest."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, expect

from core.access import Role

pytestmark = pytest.mark.browser

STORIES = (
    ("Register allocation", "The compiler keeps values in registers. Its optimisation passes remove dead code."),
    ("Sourdough", "Flour, water and salt. The dough rises overnight. Bake the bread until the crust is dark."),
)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def feed_url(tmp_path: Path) -> Iterator[str]:
    """The address of a feed with two articles, on a web server of this machine."""
    items = "".join(
        f"<item><title>{title}</title><guid>{number}</guid><description>{text}</description></item>"
        for number, (title, text) in enumerate(STORIES)
    )
    (tmp_path / "feed.xml").write_text(f'<rss version="2.0"><channel><title>Two stories</title>{items}</channel></rss>')
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/feed.xml"
    server.shutdown()
    server.server_close()


@pytest.fixture
def worker(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[None]:
    """A worker process that may crawl this machine."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("NICEGUI_", "PYTEST_"))},
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "SIGNALIST_DATA_DIR": str(tmp_path / "var"),
        "CRAWLER_ALLOW_PRIVATE": "true",
    }
    command = [sys.executable, "-P", "-m", "dashboard.cli", "worker", "--processes", "1"]
    with (tmp_path / "worker.log").open("w") as sink:
        process = subprocess.Popen(command, env=environment, stdout=sink, stderr=sink)
        yield
        process.terminate()
        process.wait(30)


@pytest.mark.usefixtures("worker")
async def test_a_feed_is_added_and_its_articles_are_found_by_meaning_soon_after(
    dashboard, window: BrowserContext, feed_url: str
) -> None:
    await dashboard.person("otto", Role.OPERATOR)
    page = await dashboard.log_in(window, "otto", to="/feeds")
    await page.get_by_role("button", name="Add feeds").first.click()
    await page.get_by_label("Addresses, one a line").fill(feed_url)
    await page.get_by_role("button", name="Add", exact=True).click()
    # Nobody reloads: the row that appears goes on to say what the crawl found.
    row = page.get_by_role("row").filter(has_text="Two stories")
    await expect(row).to_contain_text("2 articles, 2 new", timeout=40_000)
    await row.get_by_role("link", name="2 articles of Two stories").click()
    await expect(page.get_by_role("cell", name="● yes")).to_have_count(4, timeout=40_000)
    await page.goto("/search?q=baking+a+loaf")
    await expect(page.locator(".hit a.lede").first).to_have_text("Sourdough")

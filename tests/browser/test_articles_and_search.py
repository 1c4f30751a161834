"""Reading and finding articles in a real browser."""

import re
import uuid

import psycopg
import pytest
from playwright.async_api import BrowserContext, expect

from core.access import Role
from core.db import Database
from core.pipeline.embed import embed_article
from core.pipeline.offline import OfflineEmbedder

pytestmark = pytest.mark.browser

EVIL = "<img src=x onerror=\"document.body.dataset.owned='yes'\"><script>document.body.dataset.owned='yes'</script>"
STORIES = {
    "Register allocation": "The compiler keeps values in registers. Optimisation passes remove dead code and inline.",
    "Sourdough": "Flour, water and salt. The dough rises overnight. Bake the bread until the crust is dark.",
    "Storm warning": "Heavy rain and strong wind are expected along the coast tonight. Ferries stay in the harbour.",
}


def store(
    url: str, stories: dict[str, str], *, feed: str = "Example Wire", address: str = "https://example.org"
) -> uuid.UUID:
    """A feed with these articles (title to text), an hour old each and a minute apart."""
    with psycopg.connect(url) as connection:
        (feed_id,) = connection.execute(
            "insert into feeds (url, title, site_url, article_count, last_crawled_at, last_result)"
            " values (%s, %s, 'javascript:alert(1)', %s, now(), %s) returning id",
            (f"{address}/feed", feed, len(stories), EVIL),
        ).fetchone()
        for number, (title, text) in enumerate(stories.items()):
            connection.execute(
                "insert into articles (feed_id, guid, url, title, author, text, content_hash, sort_at, published_at)"
                " values (%s, %s, %s, %s, 'A. Author', %s, 'x', now() - interval '1 hour' * %s, now())",
                (feed_id, str(number), "https://example.org/a", title, text, number + 1),
            )
    return feed_id


async def embed(database: Database) -> None:
    embedder = OfflineEmbedder()
    async with database.session() as session:
        connection = await session.connection()
        ids = (await connection.exec_driver_sql("select id from articles")).scalars().all()
    for article in ids:
        await embed_article(article, database=database, embedder=embedder)
    await embedder.close()


async def test_a_search_finds_by_meaning_and_lives_in_the_address(
    dashboard, window: BrowserContext, database: Database, database_url: str
) -> None:
    store(database_url, STORIES)
    other = store(database_url, {"Rye": "Rye bread keeps for a week."}, feed="Bakers", address="https://bakers.example")
    await embed(database)
    await dashboard.person("vera", Role.VIEWER)
    page = await dashboard.log_in(window, "vera", to="/search")
    await expect(page.get_by_role("heading", name="What are you looking for?")).to_be_visible()
    box = page.get_by_role("searchbox")
    await box.fill("baking a loaf")
    await box.press("Enter")
    await expect(page).to_have_url(re.compile(r"/search\?q=baking\+a\+loaf$"))
    hits = page.locator(".hit")
    await expect(hits).to_have_count(4)
    first_two = {await hits.nth(at).locator("a.lede").inner_text() for at in (0, 1)}
    assert first_two == {"Sourdough", "Rye"}
    await expect(page.get_by_text("All 4 articles can be found.")).to_be_visible()
    await page.get_by_label("Feed", exact=True).select_option(label="Bakers")
    await expect(page).to_have_url(re.compile(f"feed={other}"))
    await expect(hits).to_have_count(1)
    await page.go_back()
    await expect(hits).to_have_count(4)
    await page.locator(".hit a.lede", has_text="Sourdough").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Sourdough")
    await expect(page.get_by_text("1 chunk by wordllama-256.")).to_be_visible()


async def test_a_search_before_anything_is_embedded_says_why_it_is_empty(
    dashboard, window: BrowserContext, database_url: str
) -> None:
    store(database_url, STORIES)
    await dashboard.person("vera", Role.VIEWER)
    await dashboard.reads_again()
    page = await dashboard.log_in(window, "vera", to="/search?q=bread")
    await expect(page.get_by_role("heading", name="Nothing is embedded yet")).to_be_visible()
    await expect(page.get_by_text("Of 3 articles, 3 cannot be found yet: they wait to be embedded.")).to_be_visible()
    await page.goto("/search?q=%3F%21")
    await expect(page.get_by_role("heading", name="Type some words to search for.")).to_be_visible()


async def test_articles_are_filtered_in_the_address_and_new_ones_wait_above_the_list(
    dashboard, window: BrowserContext, database_url: str
) -> None:
    feed = store(database_url, STORIES)
    await dashboard.person("vera", Role.VIEWER)
    page = await dashboard.log_in(window, "vera", to=f"/articles?feed={feed}")
    titles = page.locator("table.stack a.lede")
    await expect(titles).to_have_text(list(STORIES))
    box = page.get_by_role("searchbox", name="Words in the title")
    await box.fill("storm")
    await box.press("Enter")
    await expect(page).to_have_url(re.compile(f"q=storm&feed={feed}$"))
    await expect(titles).to_have_text(["Storm warning"])
    await page.go_back()
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "insert into articles (feed_id, guid, title, content_hash) values (%s, 'new', 'Hot off the press', 'y')",
            (feed,),
        )
        connection.execute("update feeds set article_count = article_count + 1")
    news = page.get_by_role("link", name="1 new article: show")
    await expect(news).to_be_visible()
    await expect(titles).to_have_text(list(STORIES))
    await news.click()
    await expect(titles.first).to_have_text("Hot off the press")


async def test_an_article_is_summarised_again(
    dashboard, window: BrowserContext, database_url: str, redis_url: str
) -> None:
    store(database_url, {"Sourdough": STORIES["Sourdough"]})
    await dashboard.person("otto", Role.OPERATOR)
    page = await dashboard.log_in(window, "otto", to="/articles")
    await page.get_by_role("link", name="Sourdough").click()
    await page.get_by_role("button", name="Summarise again").click()
    await expect(page.get_by_text("Queued: it is done within seconds when a worker is free.").first).to_be_visible()
    await page.get_by_role("button", name="Summarise again").click()
    await expect(page.get_by_text("A job for it waits or runs already.").first).to_be_visible()
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "select action, outcome, details->>'task' from records where actor = 'otto'"
        ).fetchall()
    assert rows[-2:] == [("redo article", "done", "generate_summary")] * 2


async def test_what_feeds_say_is_text_and_never_markup(
    dashboard, window: BrowserContext, database: Database, database_url: str
) -> None:
    store(database_url, {f"{EVIL} loaf": f"{EVIL} Bread and butter."}, feed=EVIL)
    with psycopg.connect(database_url) as connection:
        connection.execute("update articles set author = %s, summary = %s, url = 'javascript:alert(1)'", (EVIL, EVIL))
        (article,) = connection.execute("select id from articles").fetchone()
    await embed(database)
    await dashboard.person("otto", Role.OPERATOR)
    page = await dashboard.log_in(window, "otto", to="/feeds")
    for path in ("/feeds", "/articles", f"/articles/{article}", "/search?q=bread+and+butter", "/search?q=<b>bread</b>"):
        await page.goto(path)
        await expect(page.get_by_text("<img src=x onerror=").filter(visible=True).first).to_be_visible()
        assert await page.evaluate("document.body.dataset.owned") is None
        assert await page.locator("main img, main script").count() == 0
        assert await page.locator("a[href^='javascript']").count() == 0
    await page.goto("/feeds")
    await page.get_by_role("button", name="More about").click()
    await expect(page.get_by_role("heading", level=2, name="<img src=x")).to_be_visible()
    assert await page.evaluate("document.body.dataset.owned") is None


async def test_an_article_that_is_gone_is_said_to_be_gone(dashboard, window: BrowserContext) -> None:
    await dashboard.person("vera", Role.VIEWER)
    page = await dashboard.log_in(window, "vera", to=f"/articles/{uuid.uuid4()}")
    await expect(page.get_by_role("heading", name="There is no such article")).to_be_visible()
    await page.goto("/articles/not-an-id")
    await expect(page.get_by_role("heading", name="There is no such article")).to_be_visible()

"""An operation from its plan to its proof, in the browser; a worker in this process does the work."""

import asyncio
import re
from collections.abc import AsyncIterator

import numpy as np
import psycopg
import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from core import migrations, queues
from core.access import Role, User
from core.config import Settings
from core.operations import planning
from core.operations.kind import World
from core.operations.run import run_operation
from core.operations.states import State
from core.queries import operations

pytestmark = pytest.mark.browser

ADA = User(None, "ada", Role.OPERATOR)


@pytest.fixture
async def world(dashboard, redis_url: str) -> AsyncIterator[World]:
    redis = queues.connect(redis_url)
    yield World(Settings(), dashboard.database, redis)
    await redis.aclose()


def fill(url: str, rows: int = 400) -> None:
    rng = np.random.default_rng(3)
    heaps = rng.normal(size=(20, 1536))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("insert into feeds (url) values ('http://example.org')")
        connection.execute(
            "insert into articles (feed_id, guid, content_hash, embedding_model)"
            " select f.id, n, '', 'wordllama-256' from feeds f, generate_series(1, %s) n",
            (rows,),
        )
        ids = [row[0] for row in connection.execute("select id from articles").fetchall()]
        columns = "(article_id, chunk_index, content, embedding, model)"
        with connection.cursor().copy(f"copy article_embeddings {columns} from stdin") as copy:
            for number, article in enumerate(ids):
                vector = heaps[number % 20] + 0.3 * rng.normal(size=1536)
                copy.write_row((article, 0, "", "[" + ",".join(f"{x:.3f}" for x in vector) + "]", "wordllama-256"))
        connection.execute("analyze")


async def test_an_index_is_planned_approved_watched_and_proven(
    dashboard, window: BrowserContext, world: World, database_url: str
) -> None:
    fill(database_url)
    await dashboard.person("otto", Role.OPERATOR)
    page = await dashboard.log_in(window, "otto", to="/index")
    await page.get_by_role("button", name="Plan a build").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Lists (IVFFlat)").fill("10")
    await dialog.get_by_role("button", name="Make the plan").click()
    await page.wait_for_url(re.compile("/operations/"))
    await page.goto("/index")
    card = page.get_by_role("region", name=re.compile("^Build idx_embeddings_vector as IVFFlat"))
    await expect(card).to_contain_text("waits for approval")
    await expect(card).to_contain_text("none that blocks reads or writes")
    await card.get_by_role("button", name="Approve and build").click()
    await page.wait_for_url(re.compile("/operations/"))
    await expect(page.get_by_text("Approved by otto.")).to_be_visible()
    await expect(page.get_by_text("No worker is alive, so it waits")).to_be_visible()
    async with world.database.session() as session:
        (row,) = await operations.active(session)
    work = asyncio.create_task(run_operation(world, row.id, "worker 1"))
    # Nobody reloads: the log grows, and the steps come to their end.
    await expect(page.get_by_text("CREATE INDEX CONCURRENTLY").last).to_be_visible()
    await expect(page.locator(".pill", has_text="done")).to_be_visible()
    await expect(page.get_by_text(re.compile("^idx_embeddings_vector is IVFFlat.*recall@10")).first).to_be_visible()
    await work
    await page.goto("/index")
    await expect(page.get_by_role("heading", level=1)).to_have_text("idx_embeddings_vector: serves well")
    await expect(page.get_by_role("row", name=re.compile("idx_embeddings_vector"))).to_contain_text("serves")

    await what_waits_is_embedded(page, world, database_url)


async def what_waits_is_embedded(page: Page, world: World, url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("update articles set embedding_model = null, title = 'News' where guid in ('1', '2', '3')")
    await page.goto("/index")
    await page.get_by_role("button", name="Embed what waits").click()
    await page.get_by_role("dialog").get_by_role("button", name="Make the plan").click()
    await page.wait_for_url(re.compile("/operations/"))
    await expect(page.get_by_role("heading", level=1)).to_have_text("Embed 3 articles by wordllama-256")
    await page.get_by_role("button", name="Approve and embed").click()
    await expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    async with world.database.session() as session:
        (row,) = await operations.active(session)
    await run_operation(world, row.id, "worker 1")
    await expect(page.get_by_text("3 articles embedded by wordllama-256.").first).to_be_visible()


async def test_where_two_must_agree_the_page_asks_a_second_person(
    dashboard, browser: Browser, window: BrowserContext, world: World, database_url: str
) -> None:
    fill(database_url, 20)
    strict = World(Settings(require_second_approver=True), world.database, world.redis)
    row = await planning.plan(strict, ADA, "cli", "rebuild index", {"lists": 2})
    await dashboard.person("otto", Role.OPERATOR)
    await dashboard.person("bea", Role.OPERATOR)
    page = await dashboard.log_in(window, "otto", to=f"/operations/{row.id}")
    approve = page.get_by_role("button", name="Approve and build")
    await approve.click()
    await expect(page.get_by_text("waits for a second approval").first).to_be_visible()
    # The same person is no second one, and is not invited to try.
    await expect(approve).to_have_count(0)
    await expect(page.get_by_text("You have approved this: another person must, too.")).to_be_visible()
    other = await browser.new_context(base_url=dashboard.url)
    second = await dashboard.log_in(other, "bea", to=f"/operations/{row.id}")
    await second.get_by_role("button", name="Approve and build").click()
    # Both see it, and who it was.
    await expect(page.get_by_text("Approved by bea.")).to_be_visible()
    await other.close()
    assert (await planning.get(world, row.id)).state is State.APPROVED


async def test_the_schema_goes_back_and_up_again_from_the_page(
    dashboard, window: BrowserContext, world: World, slate
) -> None:
    slate.spoil()
    await dashboard.person("otto", Role.OPERATOR)
    page = await dashboard.log_in(window, "otto", to="/migrations")
    heading = page.get_by_role("heading", level=1)
    await expect(heading).to_have_text("The schema is current")
    *_, older, head = [revision.id for revision in migrations.history(None)]
    await page.get_by_role("button", name="Go back…").click()
    await page.get_by_role("dialog").get_by_role("button", name=older).click()
    await _approved_and_run(page, world, "Approve and downgrade")
    await page.goto("/migrations")
    await expect(heading).to_have_text("1 revision pending")
    await expect(page.locator("details.revision[open] summary")).to_contain_text(f"pending{head}")
    await expect(page.locator("details.revision[open] pre")).to_contain_text("CREATE INDEX CONCURRENTLY")
    await expect(page.locator("details.revision[open]")).to_contain_text("Way back")
    await page.get_by_role("button", name="Plan the upgrade").click()
    await _approved_and_run(page, world, "Approve and migrate")
    await expect(page.get_by_text("The database is what the models say.")).to_be_visible()
    await page.goto("/migrations")
    await expect(heading).to_have_text("The schema is current")


async def _approved_and_run(page: Page, world: World, words: str) -> None:
    await page.wait_for_url(re.compile("/operations/"))
    await page.get_by_role("button", name=words).click()
    await expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    async with world.database.session() as session:
        (row,) = await operations.active(session)
    await run_operation(world, row.id, "worker 1")
    await expect(page.locator(".pill", has_text="done")).to_be_visible()

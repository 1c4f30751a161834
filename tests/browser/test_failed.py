"""The failed-jobs desk as the person on call uses it, in a real browser."""

import json
import re
import uuid

import psycopg
import pytest
from playwright.async_api import BrowserContext, Page, expect

from core import queues
from core.access import Role
from core.failed_jobs.run import run
from core.queries import failed_actions

pytestmark = pytest.mark.browser

FAIL = """
    insert into failed_jobs (task_id, job_key, task, queue, args, kwargs, labels, attempts, exception, message,
                             fingerprint, reason, first_failed_at, last_failed_at)
    select md5(id::text), 'generate_embeddings:' || id, 'generate_embeddings', 'embed', jsonb_build_array(id::text),
           '{}', jsonb_build_object('job_key', 'generate_embeddings:' || id),
           jsonb_build_array(jsonb_build_object('at', at, 'worker', 'box:1', 'duration_s', 0.5, 'exception',
                             'openai.RateLimitError', 'message', '429', 'frame', 'core/a.py:f', 'traceback',
                             'openai.RateLimitError: 429' || chr(10) || '  core/pipeline/embed.py:41 in embed', 'log',
                             '2026-11-26T12:00:00Z [info] embedding chunks=3')),
           'openai.RateLimitError', '429 requests per minute exceeded', 'aaaaaaaaaaaaaaaa', 'gave up after 4 attempts',
           at, at
      from (select gen_random_uuid() as id, now() - make_interval(secs => %(ago)s + %(number)s - n) as at
              from generate_series(1, %(number)s) n) as jobs
"""


def fail(url: str, number: int, *, ago: int = 0) -> None:
    """So many jobs, a second apart, the last of them `ago` seconds ago."""
    with psycopg.connect(url) as connection:
        connection.execute(FAIL, {"number": number, "ago": ago})


def states(url: str) -> dict[str, int]:
    with psycopg.connect(url) as connection:
        return dict(connection.execute("select state, count(*) from failed_jobs group by state").fetchall())


async def desk(dashboard, window: BrowserContext, to: str = "/failed") -> Page:
    await dashboard.person("otto", Role.OPERATOR)
    return await dashboard.log_in(window, "otto", to=to)


def rows(page: Page):
    return page.locator("table.failures tbody tr")


async def test_a_thousand_failures_are_cleared_in_two_clicks(
    dashboard, window: BrowserContext, database_url: str, redis_url: str
) -> None:
    fail(database_url, 1_000)
    page = await desk(dashboard, window)
    await expect(page.get_by_role("heading", level=1)).to_have_text("1,000 failed jobs, 1 cause")
    await page.get_by_role("button", name="Discard all 1,000").click()
    await page.get_by_role("dialog").get_by_role("button", name="Discard 1,000").click()
    await expect(page.get_by_text("otto discards 0 of 1,000 jobs: all failed jobs")).to_be_visible()
    # No worker runs here: this is what one would do.
    redis = queues.connect(redis_url)
    async with dashboard.database.session() as session:
        (action,) = await failed_actions.unfinished(session)
    assert await run(dashboard.database, redis, action, patience=30)
    await redis.aclose()
    await expect(page.get_by_role("heading", level=1)).to_have_text("No failed jobs")
    await expect(page.get_by_text("otto discarded 1,000 jobs: all failed jobs")).to_be_visible()
    await expect(page.get_by_role("button", name="Undo")).to_be_visible()
    assert states(database_url) == {"discarded": 1_000}


async def test_some_are_retried_and_leave_the_list(
    dashboard, window: BrowserContext, database_url: str, redis_url: str
) -> None:
    fail(database_url, 5)
    page = await desk(dashboard, window)
    for row in (0, 1):
        await rows(page).nth(row).get_by_role("checkbox").check()
    # The bar with the same verbs is beside the rows; a double click does not retry the rest as well.
    await expect(page.get_by_role("button", name="Retry 2", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Retry 2 selected").click()
    await expect(page.get_by_text("2 jobs are on their way.")).to_be_visible()
    # The second click of a slow double click, on what the first one changed.
    rest = page.get_by_role("button", name="Retry all 3")
    await rest.hover()
    await page.mouse.down(click_count=2)
    await page.mouse.up(click_count=2)
    await expect(rows(page)).to_have_count(3)
    await expect(page.get_by_role("button", name="Clear")).to_have_count(0)
    await expect(page.get_by_text("otto retried 2 jobs")).to_be_visible()
    redis = queues.connect(redis_url)
    assert await redis.xlen("signalist:{embed}:stream") == 2
    await redis.aclose()
    assert states(database_url) == {"open": 3, "retried": 2}


async def test_a_discard_is_taken_back(dashboard, window: BrowserContext, database_url: str) -> None:
    fail(database_url, 3)
    page = await desk(dashboard, window)
    await page.get_by_role("button", name="Discard all 3").click()
    await expect(page.get_by_role("heading", name="Nothing has failed")).to_be_visible()
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_text("3 jobs are back.")).to_be_visible()
    await expect(rows(page)).to_have_count(3)
    await page.get_by_text("What was done before").click()
    await expect(page.get_by_text("otto discarded 3 jobs")).to_be_visible()
    assert states(database_url) == {"open": 3}


async def test_what_fails_meanwhile_is_announced_and_moves_no_row(
    dashboard, window: BrowserContext, database_url: str
) -> None:
    fail(database_url, 4, ago=60)
    page = await desk(dashboard, window)
    first = await rows(page).first.inner_text()
    await rows(page).nth(2).get_by_role("checkbox").check()
    fail(database_url, 12)
    news = page.get_by_role("button", name="12 new")
    await expect(news).to_be_visible()
    assert await rows(page).first.inner_text() == first
    await expect(rows(page).nth(2).get_by_role("checkbox")).to_be_checked()
    await news.click()
    await expect(rows(page)).to_have_count(16)
    await expect(news).to_be_hidden()


async def test_what_someone_else_settles_stays_in_place_and_says_so(
    dashboard, window: BrowserContext, database_url: str
) -> None:
    fail(database_url, 3)
    page = await desk(dashboard, window)
    await expect(rows(page)).to_have_count(3)
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "update failed_jobs set state = 'retried', resolved_by = 'anna' where id = "
            "(select id from failed_jobs order by last_failed_at desc limit 1)"
        )
    await expect(rows(page).first).to_contain_text("retried by anna")
    await expect(rows(page)).to_have_count(3)


async def test_a_job_opens_beside_the_list_and_its_address_can_be_sent(
    dashboard, window: BrowserContext, database_url: str
) -> None:
    fail(database_url, 3)
    page = await desk(dashboard, window)
    await rows(page).nth(1).get_by_role("link").click()
    beside = page.get_by_label("The chosen job")
    await expect(beside.get_by_text("embedding chunks=3")).to_be_visible()
    await expect(beside.get_by_text("core/pipeline/embed.py:41 in embed")).to_be_visible()
    await expect(page).to_have_url(re.compile(r"job="))
    await page.reload()
    await expect(beside.get_by_text("core/pipeline/embed.py:41 in embed")).to_be_visible()
    await beside.get_by_role("button", name="Close").click()
    await expect(beside).to_be_hidden()
    assert "job=" not in page.url
    opener = rows(page).nth(2).get_by_role("link")
    await opener.press("Enter")
    await expect(beside).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(beside).to_be_hidden()
    await expect(opener).to_be_focused()
    assert "job=" not in page.url


async def test_a_job_is_retried_with_other_arguments_and_bad_ones_are_refused(
    dashboard, window: BrowserContext, database_url: str
) -> None:
    fail(database_url, 1)
    page = await desk(dashboard, window)
    await rows(page).first.get_by_role("link").click()
    await page.get_by_role("button", name="Edit and retry").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_label("article_id")).to_be_focused()
    await dialog.get_by_label("article_id").fill("12")
    await dialog.get_by_label("article_id").press("Enter")
    await expect(page.get_by_text("article_id is the id (UUID) of an article, not '12'.")).to_be_visible()
    await dialog.get_by_label("article_id").fill(str(uuid.uuid4()))
    await dialog.get_by_role("button", name="Retry").click()
    await expect(page.get_by_text("1 job is on its way.")).to_be_visible()
    assert states(database_url) == {"retried": 1}


async def test_a_filter_lives_in_the_address_and_in_the_export(
    dashboard, window: BrowserContext, database_url: str
) -> None:
    fail(database_url, 3)
    page = await desk(dashboard, window, "/failed?q=per+minute&task=generate_embeddings&within=24")
    await expect(rows(page)).to_have_count(3)
    await page.get_by_text("Export").click()
    async with page.expect_download() as download:
        await page.get_by_role("link", name="CSV").click()
    file = await (await download.value).path()
    assert file.read_text().count("RateLimitError") == 3
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("link", name="CSV")).to_be_hidden()
    await page.get_by_label("State").select_option("discarded")
    await page.wait_for_url(re.compile("state=discarded"))
    await page.go_back()
    await expect(page.get_by_label("State")).to_have_value("")
    await page.goto("/failed?q=zebra")
    await expect(page.get_by_role("heading", name="No job matches that")).to_be_visible()


async def test_rows_that_are_ticked_are_exported_and_no_others(
    dashboard, window: BrowserContext, database_url: str
) -> None:
    fail(database_url, 3)
    page = await desk(dashboard, window, "/failed?task=generate_embeddings")
    for row in (0, 2):
        await rows(page).nth(row).get_by_role("checkbox").check()
    await page.get_by_text("Export 2 selected").click()
    async with page.expect_download() as download:
        await page.get_by_role("link", name="JSON").click()
    chosen = json.loads((await (await download.value).path()).read_text())
    newest = [job["id"] for job in (await (await page.request.get("/failed.json")).json())]
    assert [job["id"] for job in chosen] == [newest[0], newest[2]]
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Clear").click()
    await expect(page.get_by_text("Export ▾")).to_be_visible()


async def test_a_viewer_sees_and_has_no_buttons(dashboard, window: BrowserContext, database_url: str) -> None:
    fail(database_url, 2)
    await dashboard.person("vera", Role.VIEWER)
    page = await dashboard.log_in(window, "vera", to="/failed")
    await expect(rows(page)).to_have_count(2)
    await expect(page.get_by_role("button", name=re.compile("Retry|Discard"))).to_have_count(0)
    await expect(page.get_by_role("checkbox")).to_have_count(0)


async def test_one_click_on_the_overview_retries_a_cause(dashboard, window: BrowserContext, database_url: str) -> None:
    fail(database_url, 3)
    page = await desk(dashboard, window, "/")
    await page.get_by_role("button", name="Retry 3").click()
    await expect(page.get_by_text("3 jobs are on their way.")).to_be_visible()
    assert states(database_url) == {"retried": 3}

"""Queues as the person on call sees and holds them, in a real browser."""

import datetime as dt

import psycopg
import pytest
from playwright.async_api import BrowserContext, expect

from core import queues
from core.access import Role
from core.queues.beats import RunningJob, WorkerBeat, beat_worker

pytestmark = pytest.mark.browser


async def test_a_queue_is_paused_and_resumed(
    dashboard, window: BrowserContext, database_url: str, redis_url: str
) -> None:
    redis = queues.connect(redis_url)
    await queues.enqueue(redis, queues.generate_embeddings("0193f2aa"))
    await dashboard.person("otto", Role.OPERATOR)
    page = await dashboard.log_in(window, "otto", to="/queues")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("1 job waits")
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="embed"))
    await page.get_by_role("button", name="Pause queue embed").click()
    await expect(row).to_contain_text("paused")
    await expect(page.get_by_text("Embed is paused.")).to_be_visible()
    assert [depth.paused for depth in await queues.depths(redis, dt.datetime.now(dt.UTC))] == [
        False,
        True,
        False,
        False,
    ]
    await page.get_by_role("button", name="Resume queue embed").click()
    await expect(row).not_to_contain_text("paused")
    assert not any(depth.paused for depth in await queues.depths(redis, dt.datetime.now(dt.UTC)))
    await redis.aclose()
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "select actor, target, details->>'verb', outcome from records where action = 'pause queue' order by id"
        ).fetchall()
    assert rows == [("otto", "embed", "pause", "done"), ("otto", "embed", "resume", "done")]


async def test_what_runs_now_is_listed_with_its_worker(dashboard, window: BrowserContext, redis_url: str) -> None:
    redis = queues.connect(redis_url)
    now = dt.datetime.now(dt.UTC)
    job = RunningJob("t1", "crawl_feed", "crawl", "crawl_feed:0193f2aa", ("0193f2aa",), now, 2)
    await beat_worker(redis, WorkerBeat("web-2/4127", "web-2", 4127, now, now, 121.0, 8, 1, (job,)))
    await dashboard.person("vera", Role.VIEWER)
    page = await dashboard.log_in(window, "vera", to="/queues")
    row = page.get_by_role("row").filter(has_text="crawl_feed")
    await expect(row).to_contain_text("web-2/4127")
    await expect(page.get_by_text("1 job on 1 worker")).to_be_visible()
    await expect(page.get_by_role("button", name="Pause queue embed")).to_have_count(0)
    await redis.aclose()

"""Queues as the person on call sees and holds them, in a real browser."""

import asyncio
import datetime as dt
import json
from typing import Any

import psycopg
import pytest
from playwright.async_api import Browser, BrowserContext, Locator, expect
from redis.asyncio import Redis

from core import queues
from core.access import Role
from core.queues import keys
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
    table = page.get_by_role("table", name="Queues")
    row = table.get_by_role("row").filter(has=page.get_by_role("rowheader", name="embed"))
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


async def test_an_admin_who_types_its_name_purges_a_queue(
    dashboard, browser: Browser, window: BrowserContext, database_url: str, redis_url: str
) -> None:
    redis = queues.connect(redis_url)
    await queues.enqueue(redis, queues.generate_embeddings("0193f2aa"))
    await queues.enqueue(redis, queues.generate_embeddings("0193f2ab"), delay=600)
    for name, role in (("vera", Role.VIEWER), ("otto", Role.OPERATOR), ("anna", Role.ADMIN)):
        await dashboard.person(name, role)
    for name in ("vera", "otto"):
        other = await browser.new_context(base_url=dashboard.url)
        page = await dashboard.log_in(other, name, to="/queues")
        await expect(page.get_by_role("heading", level=1)).to_contain_text("1 job waits")
        await expect(page.get_by_role("button", name="Purge queue embed")).to_have_count(0)
        await other.close()
    page = await dashboard.log_in(window, "anna", to="/queues")
    await page.get_by_role("button", name="Purge queue embed").click()
    dialog = page.get_by_role("dialog", name="Purge the queue embed?")
    await expect(dialog).to_contain_text("1 waiting and 1 delayed job of embed")
    await expect(dialog).to_contain_text("found and sent again by the scheduler")
    await dialog.get_by_label("Type embed to confirm").fill("crawl")
    await dialog.get_by_role("button", name="Purge", exact=True).click()
    await expect(page.get_by_text("Nothing was deleted")).to_be_visible()
    await dialog.get_by_label("Type embed to confirm").fill("embed")
    await dialog.get_by_role("button", name="Purge", exact=True).click()
    await expect(dialog).to_have_count(0)
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Nothing waits")
    embed = next(depth for depth in await queues.depths(redis, dt.datetime.now(dt.UTC)) if depth.name == "embed")
    assert (embed.waiting, embed.delayed) == (0, 0)
    await redis.aclose()
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "select actor, target, outcome, details->'waiting', details->'delayed' from records"
            " where action = 'purge queue' order by id"
        ).fetchall()
    assert rows == [("anna", "embed", "failed", None, None), ("anna", "embed", "done", 1, 1)]


async def test_how_long_jobs_waited_and_ran_is_beside_the_age_of_the_oldest(
    dashboard, window: BrowserContext, redis_url: str
) -> None:
    redis = queues.connect(redis_url)
    ended: dict[str, Any] = {"task": "t", "key": None, "args": [], "outcome": "done", "worker": "box:1", "attempt": 1}
    for n in range(100):
        times = {"waited_s": n / 10, "ran_s": float(n), "ended_at": dt.datetime.now(dt.UTC).timestamp()}
        await redis.lpush(keys.finished("embed"), json.dumps({**ended, **times, "task_id": f"t{n}"}))
    await dashboard.person("vera", Role.VIEWER)
    page = await dashboard.log_in(window, "vera", to="/queues")
    table = page.get_by_role("table", name="How long jobs take")

    def cells(queue: str) -> Locator:
        return table.get_by_role("row").filter(has=page.get_by_role("rowheader", name=queue)).get_by_role("cell")

    # The page reads anew when a job has ended, but not what was read seconds ago, maybe by an earlier page.
    ending = asyncio.create_task(_jobs_go_on_ending(redis))
    await expect(cells("embed")).to_have_text(
        ["none", "5 s", "9.5 s", "9.9 s", "50 s", "1 min 35 s", "1 min 39 s", "100"]
    )
    ending.cancel()
    await expect(cells("crawl")).to_have_text(["none", *["–"] * 7])
    await redis.aclose()


async def _jobs_go_on_ending(redis: Redis) -> None:
    while True:
        await redis.hincrby("signalist:{summarise}:counts", "done", 1)
        await asyncio.sleep(0.5)


async def test_a_phone_shows_how_long_jobs_take_without_scrolling_sideways(dashboard, window: BrowserContext) -> None:
    await dashboard.person("vera", Role.VIEWER)
    page = await dashboard.log_in(window, "vera", to="/queues")
    await page.set_viewport_size({"width": 390, "height": 844})
    card = page.locator("section").filter(has=page.get_by_role("heading", name="How long jobs take"))
    await expect(card.get_by_role("rowheader", name="crawl")).to_be_visible()
    within = """card => [...card.querySelectorAll("tbody td, tbody th")].filter(cell => cell.checkVisibility())
        .every(cell => cell.getBoundingClientRect().right <= card.getBoundingClientRect().right)"""
    await page.wait_for_function(within, arg=await card.element_handle())

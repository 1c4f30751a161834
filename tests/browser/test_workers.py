"""The workers, in the browser."""

import dataclasses
import datetime as dt

import pytest
from playwright.async_api import BrowserContext, expect

from core import queues
from core.access import Role
from core.queues import WorkerBeat
from core.queues.beats import Wishes, beat_worker

pytestmark = pytest.mark.browser


async def test_that_no_worker_is_alive_is_said_once(dashboard, window: BrowserContext) -> None:
    await dashboard.person("vera", Role.VIEWER)
    page = await dashboard.log_in(window, "vera", to="/workers")
    await expect(page.get_by_role("heading", level=1)).to_have_text("No worker is alive")
    assert (await page.locator(".main").inner_text()).count("signalist worker") == 1
    await expect(page.get_by_role("heading", level=2)).to_have_count(0)


async def test_a_worker_is_drained_and_resumed_with_a_click(dashboard, window: BrowserContext, redis_url: str) -> None:
    redis, now = queues.connect(redis_url), dt.datetime.now(dt.UTC)
    beat = WorkerBeat("box:7:ab", "box", 7, now, now, 120.0, 10, 0, ())
    await beat_worker(redis, beat)
    await dashboard.person("otto", Role.OPERATOR)
    page = await dashboard.log_in(window, "otto", to="/workers")
    await page.get_by_role("button", name="Drain box:7:ab").click()
    await expect(page.get_by_text("It takes no new jobs and finishes what it runs")).to_be_visible()
    assert await beat_worker(redis, dataclasses.replace(beat, drained=True)) == Wishes(recycle=False, drain=True)
    await expect(page.get_by_role("cell", name="drained")).to_be_visible()
    await expect(page.get_by_role("heading", level=1)).to_have_text("1 worker, 0 of 10 slots busy, 1 drained")
    await page.get_by_role("button", name="Resume box:7:ab").click()
    await expect(page.get_by_text("It takes jobs again.")).to_be_visible()
    assert await beat_worker(redis, beat) == Wishes(recycle=False, drain=False)
    await expect(page.get_by_role("button", name="Drain box:7:ab")).to_be_visible()
    await redis.aclose()

"""Everyone can use every page: axe-core finds nothing serious, in light and dark, wide and on a phone."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps

import psycopg
import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Browser, BrowserContext, Error, Page, expect

from core.access import Role
from core.operations.states import ENDED, State
from dashboard.components.operation_card import WORD
from tests.browser.conftest import PATIENCE_MS, shown

pytestmark = pytest.mark.browser

SIZES = {"wide": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
# Another theme changes colours and nothing else.
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
# Something of each state, so that every table has rows.
FILL = """
    insert into feeds (url, title, site_url, errors_in_row, last_error, enabled, last_crawled_at, article_count) values
        ('https://example.org/a', 'Alpha', 'https://example.org', 0, null, true, now(), 1),
        ('https://example.org/b', 'Broken', null, 5, 'It answered 500.', true, now(), 0),
        ('https://example.org/c', '', null, 0, null, false, null, 0);
    update articles set title = 'Register allocation', author = 'Ada', url = 'https://example.org/1',
        text = 'Registers hold values.', published_at = now(), summary = 'About registers.';
    insert into failed_jobs (task_id, job_key, task, queue, args, kwargs, labels, attempts, exception, message,
                             fingerprint, reason)
    select 't' || n, 'k' || n, 'generate_embeddings', 'embed', jsonb_build_array(n), '{}', '{}',
           jsonb_build_array(jsonb_build_object('at', now(), 'worker', 'box:1', 'duration_s', 0.5, 'exception',
                             'openai.RateLimitError', 'message', '429', 'traceback', 'openai.RateLimitError: 429')),
           'openai.RateLimitError', '429 requests per minute exceeded', 'aaaaaaaaaaaaaaaa', 'gave up after 4 attempts'
      from generate_series(1, 60) n;
    insert into api_tokens (token_hash, name, role, created_by, revoked_at) values
        ('a', 'prometheus', 'viewer', 'ada', null), ('b', 'old script', 'operator', 'ada', now());
    insert into records (actor, address, face, action, target, outcome, details) values
        ('otto', '192.0.2.7', 'browser', 'purge queue', 'crawl', 'refused', '{"error": "You need more."}'),
        ('root', null, 'cli', 'edit feeds', '3 feeds', 'failed', jsonb_build_object('urls', repeat('x.org ', 30)));
"""
# Beside every page that there is: what a search finds not, and what stands beside a list.
STATES = ("/feeds?q=nothing", "/search?q=x", "/failed?q=zebra", "/record?q=zebra", "/record?outcome=refused")
DIALOGS = {
    "/feeds": ("Add feeds", "Import OPML", "More about Alpha"),
    "/access": ("Add a person", "Manage ada", "Create a token", "Revoke prometheus", "End the session of ada"),
}


# What is serious among what axe finds in a part of the page, and nothing else of its long answer.
ASK = """async ([part, options]) => {
  const {violations} = await axe.run(part, {...options, resultTypes: ["violations"]});
  return violations.filter(v => ["serious", "critical"].includes(v.impact))
    .map(v => `${v.id}: ${v.help} ${v.nodes.map(node => node.html.slice(0, 160))}`);
}"""


async def complaints(page: Page, rules: Mapping[str, object] = RULES, part: str = "html") -> list[str]:
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE_SCRIPT)
    return [f"{page.url}: {said}" for said in await page.evaluate(ASK, [part, rules])]


def patient(look: Callable[..., Awaitable[list[str]]]) -> Callable[..., Awaitable[list[str]]]:
    """A tab that got no time for so long that it lost its server loads anew: then it is looked at once more."""

    @wraps(look)
    async def looked(page: Page, *rest: str) -> list[str]:
        try:
            return await look(page, *rest)
        except Error as starved:
            if "context was destroyed" not in starved.message:
                raise
            await shown(page)
            return await look(page, *rest)

    return looked


@patient
async def looked_at(page: Page) -> list[str]:
    """In both sizes and both themes, which follow the system as long as nobody chose one."""
    found = []
    for scheme, rules, background in (("light", RULES, "rgb(246, 247, 249)"), ("dark", COLOURS, "rgb(12, 17, 29)")):
        await page.emulate_media(color_scheme=scheme)
        await expect(page.locator("body")).to_have_css("background-color", background)
        for name, size in SIZES.items():
            await page.set_viewport_size(size)
            found += [f"{name} {scheme} {said}" for said in await complaints(page, rules)]
            wider = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
            if wider > 0:
                found.append(f"{page.url} scrolls sideways by {wider} px: {name}")
    return found


@patient
async def looked_at_with_dialogs(page: Page, path: str) -> list[str]:
    await page.goto(path)
    await shown(page)
    found = await looked_at(page)
    for opener in DIALOGS.get(path, ()):
        await page.get_by_role("button", name=opener).first.click()
        await expect(page.get_by_role("dialog")).to_be_visible()
        await expect(page.locator(".q-dialog__inner--animating")).to_have_count(0)
        found += await complaints(page, part="[role=dialog]")
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("dialog")).to_have_count(0)
    return found


# Some seconds a page on a machine that has other things to do.
@pytest.mark.timeout(400)
async def test_nothing_serious_is_found_on_any_page(
    dashboard, browser: Browser, database_url: str, addresses: tuple[str, ...]
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(FILL)
        job = connection.execute("select id from failed_jobs limit 1").fetchone()[0]
    await dashboard.person("ada", Role.ADMIN)
    await dashboard.person("vera", Role.VIEWER)
    window = await browser.new_context(base_url=dashboard.url, reduced_motion="reduce")
    window.set_default_timeout(PATIENCE_MS)
    await (await dashboard.log_in(window, "ada")).close()
    # Several at a time: much of it is waiting until a page has come to rest.
    tabs = asyncio.Semaphore(2)

    async def look(path: str) -> list[str]:
        async with tabs:
            page = await window.new_page()
            found = await looked_at_with_dialogs(page, path)
            await page.close()
            return found

    paths = (*addresses, *STATES, f"/failed?job={job}")
    found = [said for one in await asyncio.gather(*map(look, paths)) for said in one]
    await window.close()
    assert not found, "\n".join(found)


# What an operation has when it is in each state. `exclusive` is its own, or two of them could not be active at once.
OPERATION = """
    insert into operations
    select (jsonb_populate_record(o, jsonb_build_object(
        'id', gen_random_uuid(), 'state', %(state)s::text, 'exclusive', %(state)s::text, 'approved_by', 'ada',
        'approved_at', now(), 'started_at', now(), 'step', 'Build', 'progress', 0.4, 'note', 'assigning tuples, 41 %%',
        'steps', jsonb_build_array(jsonb_build_object('name', 'Build', 'started_at', now(), 'ended_at', null)),
        'outcome', case when %(ended)s then 'Recall@10 is 0.912, below 0.95, at every setting.' end,
        'ended_at', case when %(ended)s then now() end,
        'result', jsonb_build_object('before', %(numbers)s::jsonb, 'after', %(numbers)s::jsonb,
                                     'held_up_by', '{"4711": "pid 4711 (psql, ada, idle in transaction)"}'::jsonb)
    ))).* from operations o where state = 'proposed' returning id
"""
NUMBERS = """{"value": 10, "queries": 200, "recall": 0.912, "low": 0.9, "high": 0.93, "p50_ms": 3.1, "p95_ms": 4.2,
    "setting": "ivfflat.probes", "used": "idx_embeddings_vector_new", "rows": 1, "exact_p50_ms": 9.0,
    "exact_p95_ms": 12.0, "seconds": 3.0}"""
LINES = """
    insert into operation_lines (operation_id, level, text)
    select id, level, 'What the ' || level || ' says: ' || repeat('words ', 40)
      from operations, unnest(array['info', 'warning', 'error']) as level
"""


@pytest.mark.timeout(400)
async def test_an_operation_is_told_in_each_of_its_states(
    dashboard, browser: Browser, database_url: str, addresses: tuple[str, ...]
) -> None:
    proposed = next(path for path in addresses if path.startswith("/operations/"))
    pages = {proposed: State.PROPOSED}
    with psycopg.connect(database_url, autocommit=True) as connection:
        for state in [state for state in State if state is not State.PROPOSED]:
            values = {"state": state.value, "ended": state in ENDED, "numbers": NUMBERS}
            pages[f"/operations/{connection.execute(OPERATION, values).fetchone()[0]}"] = state
        connection.execute(LINES)
    await dashboard.person("ada", Role.ADMIN)
    window = await browser.new_context(base_url=dashboard.url, reduced_motion="reduce")
    window.set_default_timeout(PATIENCE_MS)
    await (await dashboard.log_in(window, "ada")).close()
    await dashboard.reads_again()
    page, found = await window.new_page(), []
    for path, state in pages.items():
        await page.goto(path)
        await expect(page.locator("#live.ok")).to_be_visible()
        await expect(page.locator(".pill", has_text=WORD[state])).to_be_visible()
        await expect(page.get_by_text("What the error says").first).to_be_visible()
        verbs = page.get_by_role("button", name=re.compile("^(Approve|Cancel|Dismiss|Pause|Resume)"))
        assert (await verbs.count() == 0) is (state in {*ENDED, State.ROLLING_BACK}), state
        if state is State.DONE:
            await expect(page.get_by_role("table", name="Measured before and after")).to_contain_text("0.912")
        found += await looked_at(page)
    for path in ("/operations", "/index", "/migrations"):
        found += await looked_at_with_dialogs(page, path)
    await window.close()
    assert not found, "\n".join(found)


# Failures of so many causes and tasks; and as if a million had these: what a page shows of them is counted already.
FAILURES = """
    insert into failed_jobs (task_id, job_key, task, queue, args, kwargs, labels, attempts, exception, message,
                             fingerprint, reason)
    select 't' || n, 'k' || n, (array['crawl_feed', 'generate_embeddings', 'generate_summary'])[1 + n %% 3],
           (array['crawl', 'embed', 'summarise'])[1 + n %% 3], jsonb_build_array(n), '{}', '{}', '[]',
           'httpx.ConnectError', 'The connection to https://example.org/' || repeat('long/', 30) || ' broke', n %% 7,
           'gave up after 4 attempts'
      from generate_series(1, %s) n
"""
A_MILLION = """
    insert into failure_tally_changes (kind, name, number)
    select kind, name, 1000000 - number from failure_tallies where kind in ('open', 'task', 'queue', 'cause')
"""


@pytest.mark.timeout(300)
async def test_failed_jobs_fit_the_page_whether_there_are_none_some_or_a_million(
    dashboard, browser: Browser, database_url: str
) -> None:
    await dashboard.person("ada", Role.ADMIN)
    window = await browser.new_context(base_url=dashboard.url, reduced_motion="reduce")
    window.set_default_timeout(PATIENCE_MS)
    page = await dashboard.log_in(window, "ada", to="/failed")
    found = []
    for number, says in ((0, "No failed jobs"), (41, "41 failed jobs, 7 causes"), (60, "1,000,000 failed jobs")):
        with psycopg.connect(database_url) as connection:
            connection.execute("truncate failed_jobs")
            connection.execute(FAILURES, [number])
            if number == 60:
                connection.execute(A_MILLION)
        await dashboard.reads_again()
        await page.goto("/failed")
        await expect(page.get_by_role("heading", level=1)).to_contain_text(says)
        found += await looked_at_with_dialogs(page, "/failed")
        if number:
            await page.locator("table.failures tbody tr").first.get_by_role("link").click()
            await expect(page.get_by_label("The chosen job")).to_be_visible()
            found += await looked_at(page)
        found += await looked_at_with_dialogs(page, "/queues")
    await window.close()
    assert not found, "\n".join(found)


async def test_nothing_serious_is_found_on_what_strangers_and_viewers_see(dashboard, window: BrowserContext) -> None:
    await dashboard.person("vera", Role.VIEWER)
    page = await window.new_page()
    await page.goto("/login")
    await page.get_by_label("Name").fill("vera")
    await page.get_by_label("Password").fill("wrong")
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    found = await looked_at(page)
    page = await dashboard.log_in(window, "vera", to="/api/")
    await page.locator("summary").first.click()
    found += await looked_at(page)
    for path in ("/access", "/record"):
        await page.goto(path)
        await expect(page.locator("#live.ok")).to_be_visible()
        found += await looked_at(page)
    assert not found, "\n".join(found)


async def test_a_feed_is_added_with_the_keyboard_alone(dashboard, browser: Browser) -> None:
    await dashboard.person("otto", Role.OPERATOR)
    window = await browser.new_context(base_url=dashboard.url)
    window.set_default_timeout(PATIENCE_MS)
    page = await dashboard.log_in(window, "otto")
    await expect(page.locator("#live.ok")).to_be_visible()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator("#content")).to_be_focused()
    await page.keyboard.press("g")
    await page.keyboard.press("f")
    await expect(page.get_by_role("heading", name="There is no feed yet")).to_be_visible()
    await page.keyboard.press("Control+k")
    await page.keyboard.type("add feeds")
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Addresses, one a line")).to_be_focused()
    await page.keyboard.type("example.org/feed")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Add", exact=True)).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("row").filter(has_text="https://example.org/feed")).to_be_visible()
    await window.close()

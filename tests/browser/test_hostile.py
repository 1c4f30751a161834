"""Hostile text wherever text is shown: it stays text, even in a browser that enforces no policy."""

import asyncio
import datetime as dt
import html
import itertools
import json
import random
import re
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import psycopg
import pytest
from aiohttp import web
from playwright.async_api import Browser, BrowserContext, Page, expect
from psycopg.types.json import Jsonb
from redis import Redis

from core import queues
from core.access import Role
from core.config import LOCAL_EMBEDDING_MODEL
from core.db import Database
from core.indexes import map as article_map
from core.operations.plan import Danger, Plan, PlannedStep, to_json
from core.pipeline.crawl import crawl
from core.pipeline.fetch import open_session
from core.pipeline.parser import Parser
from core.queries import feeds
from core.queues import beats, keys
from core.queues.beats import RunningJob, SchedulerBeat, WorkerBeat
from core.queues.duties import DUTIES
from dashboard.main import PAGES
from tests.browser.conftest import PATIENCE_MS, shown

if TYPE_CHECKING:
    from tests.browser.conftest import Dashboard

pytestmark = pytest.mark.browser

PAYLOADS: list[str] = json.loads((Path(__file__).parent / "hostile.json").read_text())
NOW = dt.datetime.now(dt.UTC)
# What a payload that ran would have done; a page sends none of these.
WATCH = (
    "window.ran = []; for (const f of ['alert', 'confirm', 'prompt']) window[f] = (x) => window.ran.push(`${f} ${x}`);"
)
# Whatever of a payload is anywhere but in text, and all the text that is shown.
LOOK = r"""() => {
  const wrong = [...window.ran, ...(window.pwned ? ["a flag was set"] : [])], text = [];
  const mark = /alert|evil\.example|pwned|msgbox|constructor/i;
  const plain = /^(title|value|placeholder|alt|label|data-|aria-)/i;
  const foreign = "iframe, object, embed, base, meta[http-equiv], math, marquee, video, audio, template, image, xmp," +
    "listing, component, x, noscript, svg script, svg animate, svg a, svg use, svg foreignObject";
  for (const el of document.body.querySelectorAll(foreign)) wrong.push(el.outerHTML);
  for (const el of document.querySelectorAll("*")) {
    for (const {name, value} of el.attributes) {
      if (/^(on|v-|@|:)/i.test(name)) wrong.push(`${el.localName}[${name}]`);
      if (plain.test(name) || !mark.test(value)) continue;
      // A link may lead to where a feed says, as long as that is a web page; "//evil.example" is no place of ours.
      const leads = name === "href" && el.localName === "a" && /^https?:$/.test(el.protocol);
      if (!leads || el.host === "evil.example") wrong.push(`${el.localName}[${name}=${value}]`);
    }
    if (el.localName === "script" && !el.nonce && !el.src.startsWith(location.origin)) wrong.push(el.outerHTML);
  }
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const {parentElement, data} = walker.currentNode;
    if (!parentElement.closest("script, style")) text.push(data);
  }
  for (const field of document.querySelectorAll("input, textarea")) text.push(field.value);
  for (const el of document.querySelectorAll("[title]")) text.push(el.title);
  return {wrong, text: text.join("\n")};
}"""
HOVER = """async () => {
  const {Plotly} = await import("nicegui-plotly");
  const plot = document.querySelector(".js-plotly-plot"), labels = [];
  plot.data.forEach((trace, curveNumber) => trace.x.forEach((_, pointNumber) => {
    plot._fullLayout._uid = `${curveNumber}-${pointNumber}`; // or it would rest for 50 ms after each
    Plotly.Fx.hover(plot, [{curveNumber, pointNumber}]);
    const layer = plot.querySelector(".hoverlayer");
    if (layer.querySelector("a, [style*=url]")) labels.push("MARKUP " + layer.innerHTML);
    labels.push(layer.textContent);
  }));
  return labels;
}"""


def folded(text: str) -> str:
    """As far as a page keeps it: without controls, and white space as one blank."""
    return " ".join(re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", "", text).split())


Supply = Callable[[], str]


def supply() -> Supply:
    """Gives a payload a call: all of them, then all of them in another order."""
    dice = random.Random(1)
    payloads = itertools.chain.from_iterable(dice.sample(PAYLOADS, len(PAYLOADS)) for _ in itertools.count())
    return payloads.__next__


def insert(connection: psycopg.Connection, table: str, **values: object) -> Any:
    """Adds a row; returns its first column."""
    plain = [Jsonb(value) if isinstance(value, dict | list) else value for value in values.values()]
    marks = ", ".join(["%s"] * len(plain))
    return connection.execute(
        f"insert into {table} ({', '.join(values)}) values ({marks}) returning *", plain
    ).fetchone()[0]


def of(take: Supply, *names: str) -> dict[str, str]:
    return {name: take() for name in names}


def fill(url: str) -> tuple[str, str, str]:
    """A row for each payload in each table whose rows are shown. Returns an operation, an article and a failed job that
    show every payload."""
    take = supply()
    with psycopg.connect(url) as connection:
        articles, jobs = [], []
        for number, payload in enumerate(PAYLOADS):
            feed = insert(
                connection,
                "feeds",
                url=payload,
                enabled=number % 2 == 0,
                errors_in_row=3,
                **of(take, "title", "site_url", "last_error", "last_result", "disabled_reason"),
            )
            articles.append(
                insert(
                    connection,
                    "articles",
                    feed_id=feed,
                    text=take() if articles else "\n".join(PAYLOADS),
                    embedding_model="wordllama-256",
                    sort_at=dt.datetime.now(dt.UTC) + dt.timedelta(hours=1),
                    **of(take, "guid", "url", "title", "author", "summary", "summary_model", "content_hash"),
                )
            )
            connection.execute(
                "insert into article_embeddings (article_id, chunk_index, content, embedding, model)"
                " select %s, 0, %s, array_agg(sin(n * %s))::vector, 'wordllama-256' from generate_series(1, 1536) n",
                [articles[-1], take(), number + 1],
            )
            jobs.append(fail(connection, take, "discarded" if number % 4 == 1 else "open"))
            details = {f":{take()}": take(), "error": take(), "verb": take()}
            insert(
                connection, "records", outcome="done", details=details, **of(take, "actor", "face", "action", "target")
            )
        for state in ("canary", "running", "stopped", "done"):
            ended = NOW if state in {"stopped", "done"} else None
            texts = of(take, "actor", "face", "target", "reason")
            insert(
                connection,
                "failed_job_actions",
                verb="retry",
                state=state,
                filter={},
                total=9,
                finished_at=ended,
                **texts,
            )
        for payload in PAYLOADS:
            later = NOW + dt.timedelta(days=1)
            user = insert(connection, "users", name=payload, role="viewer", password_hash="")
            hashed, shown = f"{uuid.uuid4()}", of(take, "user_agent", "address")
            insert(connection, "sessions", user_id=user, token_hash=hashed, expires_at=later, **shown)
            insert(connection, "api_tokens", token_hash=hashed, role="viewer", **of(take, "name", "created_by"))
        insert(connection, "samples", at=NOW, values={f":{name}": 1 for name in PAYLOADS} | {"done.crawl": 1})
        states = ("proposed", "paused", "failed", "rolled back", "done")
        return [operate(connection, take, state) for state in states][-1], str(articles[0]), str(jobs[0])


def fail(connection: psycopg.Connection, take: Supply, state: str) -> uuid.UUID:
    attempts = [
        {"at": NOW.isoformat(), "duration_s": 1, "traceback": trace, **of(take, "worker", "exception", "message")}
        for trace in (take(), "\n".join(PAYLOADS))
    ]
    named = {take(): take(), **of(take, ":onclick", "innerHTML")}
    return insert(
        connection,
        "failed_jobs",
        job_key=f"{take()} {uuid.uuid4()}",
        args=[take(), take()],
        kwargs=named,
        labels=named,
        attempts=attempts,
        state=state,
        resolved_at=NOW,
        **of(take, "task_id", "task", "queue", "exception", "message", "fingerprint", "reason", "resolved_by"),
    )


def operate(connection: psycopg.Connection, take: Supply, state: str) -> str:
    """An operation whose plan and log have every payload."""
    plan = Plan(
        steps=tuple(PlannedStep(payload, (payload,), take(), (take(),)) for payload in PAYLOADS),
        dangers=(Danger("danger", take()), Danger("warning", take())),
        **of(take, "title", "summary", "locks", "memory", "disk", "duration", "verify", "rollback", "loses", "phrase"),
    )
    operation = insert(
        connection,
        "operations",
        kind="rebuild index",
        state=state,
        parameters={f":{take()}": take()},
        matters={take(): take()},
        plan=to_json(plan),
        explored_s=1,
        expires_at=NOW + dt.timedelta(days=1),
        approved_at=NOW,
        started_at=NOW,
        steps=[{"name": take(), "started_at": NOW.isoformat(), "ended_at": None} for _ in range(3)],
        result={f":{take()}": take()},
        **of(
            take, "exclusive", "title", "plan_hash", "proposed_by", "approved_by", "step", "note", "stop_by", "outcome"
        ),
    )
    for number, payload in enumerate(PAYLOADS):
        level = ("info", "warning", "error")[number % 3]
        insert(connection, "operation_lines", operation_id=operation, level=level, text=payload)
    return str(operation)


async def flood(url: str) -> None:
    """Jobs, workers, a scheduler and duties that speak in payloads."""
    take = supply()
    redis = queues.connect(url)
    for payload in PAYLOADS:
        for queue, delay in (("crawl", 0), ("embed", 60)):
            job = queues.Job(payload, (take(), take()), queue, take() + payload, {f":{take()}": take()})
            await queues.enqueue(redis, job, delay=delay)
    for _ in range(20):
        jobs = tuple(RunningJob(take(), take(), take(), take(), (take(),), NOW, 1) for _ in range(2))
        await beats.beat_worker(redis, WorkerBeat(take(), take(), 1, NOW, dt.datetime.now(dt.UTC), 1, 9, 2, jobs))
    await beats.lead(redis, SchedulerBeat(take(), 1), 60)
    await redis.aclose()
    with Redis.from_url(url) as plain:
        for name in plain.keys("signalist:{workers}:beat:*"):
            # A slow machine opens the page of the workers later than they would be held to live.
            plain.persist(name)
        for payload in PAYLOADS:
            ended = {n: take() for n in ("task_id", "key", "worker")} | {"outcome": "failed", "attempt": 1}
            times = {"waited_s": 1, "ran_s": 1, "ended_at": NOW.timestamp()}
            plain.lpush(keys.finished("crawl"), json.dumps({"task": payload, "args": [take()], **ended, **times}))
        for duty in DUTIES:
            plain.hset(keys.DUTIES, duty.name, json.dumps({"at": NOW.timestamp(), "took_s": 1, "problem": take()}))


def hostile_feeds() -> Iterator[tuple[str, str]]:
    """A feed of each format, with every payload in every place: as it is, escaped, escaped twice, and quoted."""
    for name, wrap in (
        ("once", html.escape),
        ("twice", lambda text: html.escape(html.escape(text))),
        ("quoted", lambda text: "<![CDATA[" + text.replace("]]>", "]]]]><![CDATA[>") + "]]>"),
    ):
        items = "".join(
            f"<item><guid>{wrap(p)}</guid><title>{wrap(p)}</title><author>{wrap(p)}</author><link>{wrap(p)}</link>"
            f"<description>{wrap(p)}</description></item>"
            for p in (re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", "", p) for p in PAYLOADS)
        )
        channel = f"<title>{wrap('<img src=x onerror=alert(1)>' + name)}</title><link>javascript:alert(1)</link>"
        yield name, f"<rss version='2.0'><channel>{channel}{items}</channel></rss>"
    entries = [
        dict.fromkeys(("id", "url", "external_url", "title", "content_html"), p) | {"authors": [{"name": p}]}
        for p in PAYLOADS
    ]
    yield (
        "json",
        json.dumps(
            {
                "version": "https://jsonfeed.org/version/1.1",
                "title": PAYLOADS[0],
                "home_page_url": "javascript:alert(1)",
            }
            | {"items": entries}
        ),
    )


async def crawl_hostile_feeds(database: Database) -> list[uuid.UUID]:
    """Stores what the real crawler makes of hostile feeds. Returns the feeds."""
    served = dict(hostile_feeds())

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=served[request.path.strip("/")], content_type="text/xml")

    app = web.Application()
    app.router.add_get("/{name}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    parser, found = Parser(), []
    async with open_session(allow_private=True) as http:
        for name in served:
            url = f"http://127.0.0.1:{runner.addresses[0][1]}/{name}"
            async with database.session() as session:
                found.append((await feeds.add(session, url, interval_s=86_400)).id)
            outcome = await crawl(found[-1], database=database, http=http, parser=parser, now=NOW)
            assert len(outcome.new) > 50, outcome
    await parser.close()
    await runner.cleanup()
    return found


@pytest.fixture
async def window(dashboard: "Dashboard", browser: Browser) -> AsyncIterator[BrowserContext]:
    """The windows of an admin whose browser enforces no policy: what would run, runs. They may ask nobody but us."""
    await dashboard.person("ada", Role.ADMIN)
    window = await browser.new_context(base_url=dashboard.url, bypass_csp=True)
    window.set_default_timeout(PATIENCE_MS)
    await window.add_init_script(WATCH)
    asked: list[str] = []
    window.on("request", lambda request: asked.append(request.url))
    await dashboard.log_in(window, "ada")
    yield window
    await window.close()
    ours = urlsplit(dashboard.url).netloc
    assert [url for url in asked if urlsplit(url).netloc != ours and not url.startswith(("data:image", "blob:"))] == []


async def look(page: Page, unseen: set[str]) -> int:
    """Fails if anything ran or became markup; takes from `unseen` what the page shows, and says how much it shows."""
    found: dict[str, Any] = await page.evaluate(LOOK)
    assert found["wrong"] == [], page.url
    text = folded(found["text"])
    seen = {payload for payload in PAYLOADS if folded(payload) in text}
    unseen -= seen
    return len(seen)


async def visit(window: BrowserContext, path: str, unseen: set[str]) -> int:
    page = await window.new_page()
    await page.goto(path)
    await shown(page)
    seen = await look(page, unseen)
    await page.close()
    return seen


@pytest.mark.timeout(400)
async def test_hostile_text_stays_text_on_every_page(
    dashboard: "Dashboard", window: BrowserContext, database_url: str, redis_url: str
) -> None:
    operation, article, job = fill(database_url)
    await flood(redis_url)
    crawled = await crawl_hostile_feeds(dashboard.database)
    redis = queues.connect(redis_url)
    await article_map.draw(dashboard.database, redis, LOCAL_EMBEDDING_MODEL)
    await redis.aclose()
    with psycopg.connect(database_url) as connection:
        parsed = connection.execute(
            "select distinct on (feed_id) id from articles where feed_id = any(%s) order by feed_id, length(text) desc",
            [crawled],
        ).fetchall()
    typed = quote(" ".join(PAYLOADS)[:900])
    # How many payloads each shows at least: a page that showed none would prove nothing.
    pages = {
        "/": 10,
        "/jobs": 50,
        "/failed": 50,
        f"/failed?job={job}": 50,
        "/failed?state=discarded": 20,
        "/workers": 20,
        "/schedules": 20,
        "/index": 10,
        "/migrations": 0,
        "/queues": 5,
        "/operations": 5,
        f"/operations/{operation}": len(PAYLOADS),
        "/feeds": 50,
        "/feeds?state=off": 20,
        "/articles": 50,
        # What splits lines splits paragraphs.
        f"/articles/{article}": len(PAYLOADS) - 1,
        **{f"/articles?feed={feed}": 10 for feed in crawled},
        **{f"/articles/{parsed_article}": 0 for (parsed_article,) in parsed},
        "/search?q=alert": 20,
        "/map": 0,
        "/access": len(PAYLOADS),
        "/record": 50,
        **{f"{path}={typed}": 5 for path in ("/feeds?q", "/articles?q", "/search?q", "/failed?q")},
        f"/failed?task={typed}&queue={typed}&cause={typed}&job={typed}": 0,
    }
    # Pages that nobody thought of here are opened as well; one of one thing has to be above.
    pages |= {path: 0 for path in PAGES if "{" not in path and path not in pages}
    opened = " ".join(pages)
    assert [path for path in PAGES if not re.search(re.sub("{.*}", r"[0-9a-f-]{36}", path), opened)] == []
    # The dashboard was there first: it has to have read again what it shows on many pages.
    await expect(window.pages[0].get_by_text("Danger:").first).to_be_visible()
    unseen, tabs = set(PAYLOADS), asyncio.Semaphore(6)

    async def visited(path: str) -> int:
        async with tabs:
            return await visit(window, path, unseen)

    found = dict(zip(pages, await asyncio.gather(*map(visited, pages)), strict=True))
    assert {path[:40]: n for path, n in found.items() if n < pages[path]} == {}
    assert unseen == set()
    await hover_over_the_map(window.pages[0])
    await type_it(window.pages[0])


async def hover_over_the_map(page: Page) -> None:
    """Plotly takes some markup in the labels that it draws."""
    await page.goto("/map")
    await expect(page.locator(".js-plotly-plot .legend")).to_be_visible()
    labels: list[str] = await page.evaluate(HOVER)
    assert [label for label in labels if label.startswith("MARKUP")] == []
    shown = folded("\n".join(labels))
    assert sum(folded(payload)[:60] in shown for payload in PAYLOADS) > 60
    await look(page, set())


async def type_it(page: Page) -> None:
    """What a person types comes back in lists, notices and refusals."""
    await page.goto("/feeds")
    await expect(page.locator("#live.ok")).to_be_visible()
    await page.get_by_role("button", name="Add feeds").click()
    await page.get_by_label("Addresses, one a line").fill("\n".join(PAYLOADS))
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(page.get_by_role("dialog")).to_contain_text("javascript:")
    assert await look(page, set()) > 50
    await page.keyboard.press("Escape")
    await page.keyboard.press("Control+k")
    for payload in PAYLOADS:
        await page.get_by_role("combobox").fill(payload)
    await look(page, set())

"""Secrets are planted on every road on which one could get in, and nobody finds them: not in the log, not in the
database, not on a page, not in an answer, not in a file."""

import asyncio
import datetime as dt
import io
import json
import logging
import sys
import uuid
from typing import TYPE_CHECKING

import psycopg
import pytest

from core.access import Action, Role, on_this_machine
from core.errors import BadRequest, FeedUnreachable
from core.failed_jobs import Attempt, attempt_of
from core.failed_jobs.failure import Failure
from core.operations import planning
from core.operations.kind import World
from core.operations.running import Run
from core.queries import crawls, failed_jobs, operations
from core.queues import Job, enqueue
from core.queues.delivery import Entry
from core.recording import recorded
from workers.messages import read

if TYPE_CHECKING:
    from tests.dashboard.conftest import Site

ROOT = on_this_machine("root")
# Each is a secret by another sign; all of them have this in them, which nothing else has.
MARK = "Pl4nted"
SECRETS = (
    f"postgresql://u:{MARK}-{MARK}@db.example/x",
    f"https://{MARK}{MARK}@example.org/feed",
    f"Authorization: Bearer {MARK}{MARK}{MARK}",
    f"sk-ant-{MARK}{MARK}{MARK}",
    f"AKIA{MARK.upper()}X{MARK.upper()}X",
    f"ghp_{MARK * 5}",
    f"password={MARK}{MARK}",
    f'{{"api_key": "{MARK} {MARK}"}}',
)
ALL = " ; ".join(SECRETS)
# Places at which planted secrets arrive.
SPEAKING = (
    *("log", "database", "/failed.csv", "/failed.json", "refused", "/jobs", "/failed", "a failed job", "/feeds"),
    *("an operation", "/v1/failed-jobs", "/v1/failed-jobs/{job_id}", "/v1/operations/{operation_id}", "/v1/records"),
)
NOW = dt.datetime.now(dt.UTC)
# What has to be kept as it is: a job cannot be sent again without its arguments, and a feed is asked with its password.
KEPT = {"failed_jobs": ("args", "kwargs", "labels", "job_key"), "feeds": ("url",)}


def failed_attempt() -> Attempt:
    """An exception that quotes secrets, caused by another one that does."""
    try:
        try:
            json.loads(ALL)
        except ValueError as error:
            raise RuntimeError(f"The service said: {ALL}", ALL) from error
    except RuntimeError as error:
        sys.excepthook(type(error), error, error.__traceback__)
        logging.getLogger("some.library").exception("It failed with %s", ALL)
        return attempt_of(error, at=NOW, worker="box:1", duration_s=0.1)


async def plant(site: "Site") -> uuid.UUID:
    """Returns the operation whose log had secrets in it."""
    context = site.context
    database, redis = context.database, context.redis
    attempt = failed_attempt()
    named = {"password": MARK, "said": ALL, "deep": [{"token": MARK}]}
    async with database.session() as session:
        story = Failure(
            task_id="1",
            key=f"call:{ALL}",
            task="call",
            queue="embed",
            args=[ALL, named],
            kwargs=named,
            labels={"header": ALL},
            attempts=[attempt],
            exception=attempt.exception,
            message=attempt.message,
            fingerprint="f" * 16,
            reason="will not heal",
            deliveries=1,
            failed_at=NOW,
        )
        await failed_jobs.record(session, story)
    with psycopg.connect(database.url) as connection:
        (feed,) = connection.execute("insert into feeds (url) values (%s) returning id", [SECRETS[1]]).fetchone()
        connection.execute(
            "with article as (insert into articles (feed_id, guid, content_hash) values (%s, '1', '') returning id)"
            " insert into article_embeddings (article_id, chunk_index, content, embedding, model)"
            " select id, 0, '', array_fill(0.1, array[1536])::vector, 'wordllama-256' from article",
            [feed],
        )
    async with database.session() as session:
        await crawls.failed(session, feed, error=str(FeedUnreachable(ALL)), errors_in_row=1, next_due_at=NOW)
    # What cannot be read at all is kept as it came, but for this.
    message, unfit = read(Entry("embed", "1-1", {b"data": ALL.encode()}, 1, 0), {})
    assert unfit is not None
    assert MARK not in f"{message} {unfit}"
    with pytest.raises(BadRequest):
        async with recorded(database, ROOT, "cli", Action.EDIT_FEEDS, ALL, asked=named):
            raise BadRequest(ALL)
    world = World(context.settings, database, redis)
    row = await planning.plan(world, ROOT, "cli", "rebuild index", {})
    with psycopg.connect(database.url) as connection:
        connection.execute("update operations set state = 'approved'")
    async with database.session() as session:
        claimed = await operations.claim(session, row.id, "box", dt.timedelta(seconds=60))
    assert claimed is not None
    run = Run(database, claimed, "box")
    await run.say(f"Postgres said: {ALL}", "error")
    await run.write(note=ALL, outcome=ALL)
    await enqueue(redis, Job("call", (ALL, named), "crawl", f"call:{ALL}"))
    await enqueue(redis, Job("call", (ALL, named), "embed", f"call:{ALL}"), delay=60)
    return row.id


def rows(url: str) -> str:
    """The whole database as text, without what has to be kept."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "select table_name, array_agg(column_name::text) from information_schema.columns"
            " where table_schema = 'public' group by table_name"
        ).fetchall()
        said = []
        for table, columns in tables:
            names = ", ".join(f'"{name}"' for name in columns if name not in KEPT.get(table, ()))
            said += [str(row) for row in connection.execute(f"select {names} from {table}").fetchall()]
    return "\n".join(said)


async def answers(site: "Site") -> dict[str, str]:
    """What every route that only reads says to an admin, with the id of a thing where it wants one."""
    browser = await site.browser(Role.ADMIN, "ada")
    described = (await browser.get("/api/openapi.json")).json()
    job = (await browser.get("/api/v1/failed-jobs")).json()["items"][0]["id"]
    operation = (await browser.get("/api/v1/operations")).json()["items"][0]["id"]
    ids = {"{job_id}": job, "{operation_id}": operation, "{queue}": SECRETS[3]}
    found = {}
    for path, methods in described["paths"].items():
        address = path
        for name, value in ids.items():
            address = address.replace(name, value)
        if "get" in methods and "export" not in path:
            found[path] = (await browser.get(f"/api{address}")).text
    for path in ("/health", "/failed.csv", "/failed.json"):
        found[path] = (await browser.get(path)).text
    found["refused"] = (await browser.post(f"/api/v1/queues/{SECRETS[3]}/pause")).text
    assert "no queue" in found["refused"]
    return found


async def pages(site: "Site", operation: uuid.UUID) -> dict[str, str]:
    user = await site.person(Role.ADMIN, "ada")
    found = {}
    with psycopg.connect(site.context.database.url) as connection:
        (job,) = connection.execute("select id from failed_jobs").fetchone()
    addresses = {path: path for path in ("/", "/jobs", "/failed", "/feeds", "/operations")}
    for name, path in (
        addresses | {"a failed job": f"/failed?job={job}", "an operation": f"/operations/{operation}"}
    ).items():
        client = await user.open(path)
        async with asyncio.timeout(10):
            while any("bone" in element.classes for element in client.elements.values()):
                await asyncio.sleep(0.02)
        found[name] = "\n".join(f"{e.props} {getattr(e, 'text', '')}" for e in client.elements.values())
    return found


async def test_nobody_finds_a_secret_that_was_planted(site: "Site", json_log: io.StringIO, database_url: str) -> None:
    operation = await plant(site)
    await site.context.poller.poll()
    places = {"log": json_log.getvalue(), "database": rows(database_url), "memory": repr(site.context)}
    places |= await answers(site) | await pages(site, operation)
    assert {place for place, text in places.items() if MARK.lower() in text.lower()} == set()
    # They were there, and were blacked out.
    silent = {place for place in SPEAKING if "[redacted]" not in places[place]}
    assert silent == set()

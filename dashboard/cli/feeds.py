"""`signalist feeds`: what is crawled."""

import asyncio
import datetime as dt
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from core import feeds as verbs
from core.errors import BadRequest, NotFound
from core.feeds import Added, Crawls, Wanted
from core.phrases import counted
from core.pipeline import opml
from core.pipeline.addresses import feed_url, shown
from core.queries import feeds as queries
from core.queries.feeds import FeedRow, FeedState
from dashboard.cli.output import AsJson, Yes, ago, complain, confirm, say, write_json, write_list
from dashboard.cli.servers import Servers, connected

app = typer.Typer(no_args_is_help=True, add_completion=False)
NONE = "There are no feeds: `signalist feeds add` adds some."
Url = Annotated[str, typer.Argument(help="The address of a feed, as `list` shows it.")]


@app.callback()
def feeds() -> None:
    """What is crawled: adding, listing, importing, exporting, crawling now."""


@app.command()
def add(urls: Annotated[list[str], typer.Argument(help="Addresses of feeds, or of pages that name theirs.")]) -> None:
    """Add feeds and queue their first crawl."""
    _report(asyncio.run(_add([Wanted(url) for url in urls])))


@app.command("list")
def list_(
    *,
    text: Annotated[str, typer.Option(help="Only those with this in title or address.")] = "",
    state: Annotated[FeedState, typer.Option(help="Only those in this state.")] = "all",
    as_json: AsJson = False,
) -> None:
    """List the feeds by title."""
    now = dt.datetime.now(dt.UTC)
    found = asyncio.run(_find(text, state))
    if as_json:
        write_json([replace(row, url=shown(row.url)) for row in found])
    else:
        write_list(
            ("title", "address", "articles", "last crawl", "result", "state"),
            [
                (row.title or None, shown(row.url), row.article_count, ago(row.last_crawled_at, now),
                 row.last_error or row.last_result, "on" if row.enabled else row.disabled_reason or "off")
                for row in found
            ],
            "No feed matches that." if text or state != "all" else NONE,
        )  # fmt: skip


@app.command()
def remove(url: Url, *, yes: Yes = False) -> None:
    """Remove a feed and its articles."""
    asyncio.run(_remove(url, yes=yes))


@app.command("import")
def import_(file: Annotated[Path, typer.Argument(help="An OPML file; - reads stdin.")]) -> None:
    """Add every feed of an OPML file."""
    try:
        body = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise BadRequest(f"{file} cannot be read: {error.strerror}.") from None
    found = opml.read(body)
    for fault in found.faults:
        complain(f"{fault.text}: {fault.reason}")
    if found.outlines:
        _report(asyncio.run(_add([Wanted(outline.url, outline.title) for outline in found.outlines])))
    else:
        say("There is no feed in that file.")
    if found.faults:
        raise typer.Exit(1)


@app.command()
def export() -> None:
    """Write every feed to stdout as OPML, passwords in addresses included."""
    rows = asyncio.run(_everything())
    body = opml.write((opml.Outline(row.url, row.title) for row in rows), dt.datetime.now(dt.UTC))
    typer.echo(body.decode())


@app.command()
def crawl(
    url: Annotated[str | None, typer.Argument(help="The address of a feed, as `list` shows it.")] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Every enabled feed.")] = False,
) -> None:
    """Crawl a feed now, or all of them."""
    if (url is None) is not everything:
        raise BadRequest("Name the feed to crawl, or say --all.")
    say(asyncio.run(_crawl(url)).sentence)


def _report(added: Added) -> None:
    say(added.sentence)
    for refused in added.refused:
        complain(f"{shown(refused.given)}: {refused.reason}")
    if added.refused:
        raise typer.Exit(1)


async def _add(wanted: Sequence[Wanted]) -> Added:
    async with connected() as servers:
        now = dt.datetime.now(dt.UTC)
        return await verbs.add(servers.database, servers.redis, servers.user, "cli", wanted, now=now)


async def _find(text: str, state: FeedState) -> list[FeedRow]:
    async with connected() as servers, servers.database.session() as session:
        page = await queries.page(session, text=text, state=state)
        found = list(page.rows)
        while page.next is not None:
            page = await queries.page(session, text=text, state=state, after=page.next)
            found += page.rows
    return found


async def _everything() -> tuple[FeedRow, ...]:
    async with connected() as servers, servers.database.session() as session:
        return await queries.everything(session)


async def _remove(url: str, *, yes: bool) -> None:
    async with connected() as servers:
        feed = await _known(servers, url)
        name = feed.title or shown(feed.url)
        confirm(f"Remove {name} and its {counted(feed.article_count, 'article')}?", yes=yes)
        await verbs.remove(servers.database, servers.user, "cli", feed.id)
        say(f"{name} is removed.")


async def _crawl(url: str | None) -> Crawls:
    async with connected() as servers:
        now = dt.datetime.now(dt.UTC)
        if url is None:
            return await verbs.crawl_all(servers.database, servers.redis, servers.user, "cli", now=now)
        feed = await _known(servers, url)
        return await verbs.crawl_now(servers.database, servers.redis, servers.user, "cli", [feed.id], now=now)


async def _known(servers: Servers, url: str) -> FeedRow:
    async with servers.database.session() as session:
        feed = await queries.by_url(session, feed_url(url))
        if feed is None:
            # As listed, without the user name and password that are part of its address.
            same = [row for row in await queries.everything(session) if shown(row.url) == url]
            feed = same[0] if len(same) == 1 else None
    if feed is None:
        raise NotFound(f"There is no feed {shown(url)}.")
    return feed

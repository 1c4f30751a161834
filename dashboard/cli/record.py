"""`signalist record`: who did what."""

import asyncio
import datetime as dt
from typing import Annotated

import typer

from core import record as verbs
from core.access import Action
from core.moments import moment
from core.queries.records import RecordFilter, RecordPage, RecordRow
from core.recording import Outcome
from dashboard.cli.output import AsJson, say, write_json, write_list
from dashboard.cli.servers import connected
from dashboard.phrasing import deed

app = typer.Typer(add_completion=False)


@app.command()
def record(
    *,
    actor: Annotated[str, typer.Option(help="Only of this person, or of `token NAME`.")] = "",
    action: Annotated[Action | None, typer.Option(help="Only this action.", metavar="ACTION")] = None,
    outcome: Annotated[Outcome | None, typer.Option(help="Only what ended so.")] = None,
    since: Annotated[str, typer.Option(help="Only from then on: 90min, 24h, 7d, or a date.")] = "",
    until: Annotated[str, typer.Option(help="Only before that: 90min, 24h, 7d, or a date.")] = "",
    text: Annotated[str, typer.Option(help="Only what says this in its target, details, address or name.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Tell who did what, from where, to what, and how it went, the latest first; what was refused or failed too."""
    now = dt.datetime.now(dt.UTC)
    chosen = RecordFilter(
        actor=actor,
        action=action or "",
        outcome=outcome or "",
        since=moment(since, now) if since else None,
        until=moment(until, now) if until else None,
        text=text,
    )
    page = asyncio.run(_read(chosen, limit))
    if as_json:
        write_json(page.rows)
        return
    nothing = "Nothing on record matches that." if chosen != RecordFilter() else "Nobody has done anything yet."
    columns = ("at", "who", "from", "what", "to what", "outcome", "details")
    write_list(columns, [_line(row) for row in page.rows], nothing)
    if page.searched is not None:
        say(f"Looked through the latest {page.searched:,}; there are more. Narrow it by --since or --actor.")
    elif page.next is not None:
        say(f"There are more than {limit:,}: see --limit.")


def _line(row: RecordRow) -> tuple[object, ...]:
    what, details = deed(row.action, row.details)
    error = row.details.get("error")
    at = f"{row.at.astimezone():%Y-%m-%d %H:%M:%S}"
    return at, row.actor, row.address or row.face, what, row.target, row.outcome, error or details


async def _read(chosen: RecordFilter, limit: int) -> RecordPage:
    async with connected() as servers:
        return await verbs.page(servers.database, servers.user, chosen, limit=limit)

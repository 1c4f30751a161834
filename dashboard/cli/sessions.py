"""`signalist sessions`: who is logged in."""

import asyncio
import datetime as dt
import uuid
from typing import Annotated

import typer

from core.accounts import sessions as verbs
from core.errors import BadRequest
from core.phrases import counted
from core.queries.sessions import SessionRow
from dashboard.cli.output import AsJson, ago, say, write_json, write_list
from dashboard.cli.servers import connected

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def sessions() -> None:
    """Who is logged in, from where, and ending that."""


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """List the open sessions, the latest seen first."""
    now = dt.datetime.now(dt.UTC)
    found = asyncio.run(_everyone(now))
    if as_json:
        write_json(found)
    else:
        write_list(
            ("id", "who", "role", "address", "browser", "since", "last seen"),
            [
                (row.id, row.user_name, row.role, row.address, row.user_agent, ago(row.created_at, now),
                 ago(row.last_seen_at, now))
                for row in found
            ],
            "Nobody is logged in.",
        )  # fmt: skip


@app.command()
def end(
    session_id: Annotated[uuid.UUID | None, typer.Argument(metavar="ID", help="As `list` shows it.")] = None,
    *,
    of: Annotated[str, typer.Option(metavar="NAME", help="Every session of this person.")] = "",
) -> None:
    """End a session, or all of one person; open pages close within two seconds."""
    if (session_id is None) == (not of):
        raise BadRequest("Say which: the ID of a session, or --of and the NAME of a person.")
    ended = asyncio.run(_end(session_id, of))
    say(f"{counted(ended, 'session')} ended.")


async def _everyone(now: dt.datetime) -> tuple[SessionRow, ...]:
    async with connected() as servers:
        return await verbs.of_everyone(servers.database, servers.user, now=now)


async def _end(session_id: uuid.UUID | None, of: str) -> int:
    async with connected() as servers:
        if session_id is None:
            return await verbs.end_all_of(servers.database, servers.user, "cli", name=of)
        await verbs.end(servers.database, servers.user, "cli", session_id=session_id)
        return 1

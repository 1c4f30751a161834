"""`signalist tokens`: keys for programs."""

import asyncio
import datetime as dt
import uuid
from typing import Annotated

import typer

from core.access import Role
from core.accounts import tokens as verbs
from core.accounts.tokens import NewToken
from core.queries.tokens import TokenRow
from dashboard.cli.output import AsJson, ago, complain, say, write_json, write_list
from dashboard.cli.servers import connected

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def tokens() -> None:
    """Keys for programs that use the HTTP API."""


@app.command()
def create(
    *,
    role: Annotated[Role, typer.Option(help="A viewer reads, an operator acts, an admin manages.")],
    name: Annotated[str, typer.Option(help="What it is for.")] = "unnamed",
    days: Annotated[int | None, typer.Option(min=1, help="Valid for so many days; else until it is revoked.")] = None,
) -> None:
    """Make a token. It is written to stdout, this once."""
    made = asyncio.run(_create(name, role, days))
    until = f" until {made.token.expires_at:%Y-%m-%d}" if made.token.expires_at else ""
    complain(f"The token {made.token.id} is {role}{until}. It is shown this once and stored nowhere.")
    say(made.secret)


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """List the tokens, revoked ones too."""
    now = dt.datetime.now(dt.UTC)
    found = asyncio.run(_everything())
    if as_json:
        write_json(found)
    else:
        write_list(
            ("id", "name", "role", "made by", "made", "last used", "state"),
            [
                (row.id, row.name, row.role, row.created_by, ago(row.created_at, now), ago(row.last_used_at, now),
                 _state(row, now))
                for row in found
            ],
            "There are no tokens: `signalist tokens create` makes one.",
        )  # fmt: skip


@app.command()
def revoke(token_id: Annotated[uuid.UUID, typer.Argument(metavar="ID", help="As `list` shows it.")]) -> None:
    """End a token: from the next request on it opens nothing."""
    asyncio.run(_revoke(token_id))
    say("The token is revoked.")


async def _create(name: str, role: Role, days: int | None) -> NewToken:
    now, lifetime = dt.datetime.now(dt.UTC), dt.timedelta(days=days) if days else None
    async with connected() as servers:
        return await verbs.create(
            servers.database, servers.user, "cli", name=name, role=role, now=now, lifetime=lifetime
        )


async def _everything() -> tuple[TokenRow, ...]:
    async with connected() as servers:
        return await verbs.everything(servers.database, servers.user)


async def _revoke(token_id: uuid.UUID) -> None:
    async with connected() as servers:
        await verbs.revoke(servers.database, servers.user, "cli", token_id=token_id, now=dt.datetime.now(dt.UTC))


def _state(row: TokenRow, now: dt.datetime) -> str:
    if row.revoked_at:
        return "revoked"
    return "expired" if row.expires_at and row.expires_at <= now else "valid"

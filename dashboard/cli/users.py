"""`signalist users`: who may log in."""

import asyncio
import datetime as dt
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer

from core.access import Role
from core.accounts import passwords, people
from core.queries.users import UserRow
from dashboard.cli.output import AsJson, ago, say, write_json, write_list
from dashboard.cli.servers import Servers, connected

app = typer.Typer(no_args_is_help=True, add_completion=False)
T = TypeVar("T")
Name = Annotated[str, typer.Argument(help="The name to log in with.")]
Chosen = Annotated[Role, typer.Option("--role", help="A viewer reads, an operator acts, an admin manages.")]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from stdin.")]


@app.callback()
def users() -> None:
    """Who may log in: adding people, their roles and passwords, and shutting them out."""


@app.command()
def add(name: Name, *, role: Chosen = Role.VIEWER, password_stdin: FromStdin = False) -> None:
    """Add a person. Without a password given, one is invented and shown once."""
    password, invented = _password(from_stdin=password_stdin)

    async def act(servers: Servers) -> None:
        await people.add(servers.database, servers.user, "cli", name=name, role=role, password=password)

    _run(act)
    say(f"{name} can log in as {role}." + _shown(password, invented))


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """List people, their roles, and who is logged in."""
    now = dt.datetime.now(dt.UTC)
    found = asyncio.run(_everyone(now))
    if as_json:
        write_json(found)
    else:
        write_list(
            ("name", "role", "sessions", "last seen", "added", "state"),
            [
                (row.name, row.role, row.sessions, ago(row.last_seen_at, now), ago(row.created_at, now),
                 "disabled" if row.disabled_at else "active")
                for row in found
            ],
            "There are no accounts: `signalist users add` makes one.",
        )  # fmt: skip


@app.command()
def disable(name: Name) -> None:
    """Shut a person out; their open pages close within two seconds."""

    async def act(servers: Servers) -> int:
        return await people.disable(servers.database, servers.user, "cli", name=name, now=dt.datetime.now(dt.UTC))

    say(people.disabled(name, _run(act)))


@app.command()
def enable(name: Name) -> None:
    """Let a person log in again, with the password that they had."""

    async def act(servers: Servers) -> None:
        await people.enable(servers.database, servers.user, "cli", name=name)

    _run(act)
    say(f"{name} can log in again.")


@app.command()
def role(name: Name, role: Annotated[Role, typer.Argument(help="The new role.")]) -> None:
    """Change what a person may do; it holds on their open pages within two seconds."""

    async def act(servers: Servers) -> None:
        await people.change_role(servers.database, servers.user, "cli", name=name, role=role)

    _run(act)
    say(f"{name} is {role} now.")


@app.command()
def password(name: Name, *, password_stdin: FromStdin = False) -> None:
    """Set a person's password, end their sessions, and lift every delay on their logins."""
    chosen, invented = _password(from_stdin=password_stdin)

    async def act(servers: Servers) -> None:
        await people.give_password(servers.database, servers.user, "cli", name=name, password=chosen)

    _run(act)
    say(f"{name} has a new password, and every session of theirs has ended." + _shown(chosen, invented))


async def _everyone(now: dt.datetime) -> tuple[UserRow, ...]:
    async with connected() as servers:
        return await people.everyone(servers.database, servers.user, now=now)


def _run(act: Callable[[Servers], Awaitable[T]]) -> T:
    async def run() -> T:
        async with connected() as servers:
            return await act(servers)

    return asyncio.run(run())


def _password(*, from_stdin: bool) -> tuple[str, bool]:
    """The password, and whether it was invented. Never an argument: those are seen in the list of processes."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n"), False
    if sys.stdin.isatty():
        typed: str = typer.prompt(
            "Password (empty: invent one)", default="", show_default=False, hide_input=True, confirmation_prompt=True
        )
        if typed:
            return typed, False
    return passwords.invented(), True


def _shown(password: str, invented: bool) -> str:
    return f"\nThe password is {password}\nIt is shown this once and stored nowhere." if invented else ""

"""`signalist db`: which revision the schema is at, and moving it."""

import asyncio
from contextlib import suppress
from typing import Annotated

import typer

from core import first_start, migrations
from core.access import Action
from core.config import settings
from core.errors import SchemaMismatch
from core.migrations import MigrationStatus
from core.migrations.migrate import RemovesOperations
from core.operations import planning
from core.operations.kinds import KINDS
from core.operations.planning import Draft
from core.queries.operations import OperationRow
from core.recording import recorded
from dashboard.cli.operating import at_work, carry_out, exit_with, show_plan, type_again
from dashboard.cli.output import AsJson, Yes, complain, confirm, say, write_json, write_table
from dashboard.cli.servers import at_the_keyboard

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def db() -> None:
    """The schema of the database: where it stands, and moving it."""
    at_the_keyboard()


@app.command()
def init() -> None:
    """Build the schema of an empty database and the first account; one that has data is left as it is.

    What `signalist up` does by itself, for processes that are started one by one.
    """
    if notice := first_start.prepare(settings().admin_database()):
        say(notice)
        return
    if password := first_start.first_password(settings().database()):
        say(f"Log in as admin with the password {password}\nIt is shown this once and stored nowhere.")
    say(_sentence(migrations.status(settings().database())))


@app.command()
def status(*, as_json: AsJson = False) -> None:
    """Say which revision the database is at, and which are pending."""
    found = migrations.status(settings().admin_database())
    if as_json:
        write_json(found)
    else:
        say(_sentence(found))


@app.command()
def history(*, as_json: AsJson = False) -> None:
    """List every revision, oldest first, and whether it has run."""
    found = migrations.history(migrations.status(settings().admin_database()).current)
    if as_json:
        write_json(found)
    else:
        rows = [(revision.id, "done" if revision.applied else "pending", revision.summary) for revision in found]
        write_table(("revision", "state", "what"), rows)


@app.command()
def diff() -> None:
    """Say how the database differs from the models; exits 1 if it does."""
    found = migrations.drift(settings().admin_database())
    if not found:
        say("The database is what the models say.")
        return
    say("\n".join(found))
    if pending := migrations.status(settings().admin_database()).pending:
        complain(f"What is pending ({', '.join(pending)}) has not run yet: some of this may be what it does.")
    raise typer.Exit(1)


@app.command()
def plan(
    revision: Annotated[str, typer.Argument(help="Up to this revision.")] = "head", *, as_json: AsJson = False
) -> None:
    """Show what the pending revisions run, lock and lose; nothing is changed."""

    async def draft() -> Draft:
        async with at_work() as bench:
            return await planning.draft(bench.world, KINDS["upgrade schema"], {"revision": revision})

    made = asyncio.run(draft())
    if as_json:
        write_json({"parameters": made.parameters, "plan": made.plan})
    else:
        show_plan(made.plan)


@app.command()
def upgrade(
    revision: Annotated[str, typer.Argument(help="Up to this revision.")] = "head", *, yes: Yes = False
) -> None:
    """Run the pending revisions, each in its own transaction, and prove that it worked."""
    url = settings().admin_database()
    before = migrations.status(url)
    if before.is_current and revision == "head":
        say(_sentence(before))
        return
    if migrations.keeps_operations(url):
        _operate("upgrade schema", revision, yes=yes)
    else:
        # The table in which operations are kept is among what is pending.
        confirm(f"{_sentence(before)} Upgrade to {revision}?", yes=yes)
        migrations.upgrade(url, revision)
        asyncio.run(_record(Action.APPROVE_OPERATION, f"upgrade schema to {revision}"))
    say(_sentence(migrations.status(url)))


@app.command()
def downgrade(revision: Annotated[str, typer.Argument(help="Down to this revision.")], *, yes: Yes = False) -> None:
    """Take revisions back. What a revision added, tables with their rows included, is lost."""
    url = settings().admin_database()
    try:
        _operate("downgrade schema", revision, yes=yes)
    except (RemovesOperations, SchemaMismatch) as reason:
        # Below the revision that brought operations, there is none to be one.
        lost = "All that is in it" if revision == "base" else "What is taken back"
        complain(f"{reason} {_sentence(migrations.status(url))} {lost} is lost.")
        type_again(f"downgrade to {revision}", yes=yes)
        asyncio.run(_record(Action.APPROVE_LOSS, f"downgrade schema to {revision}"))
        migrations.downgrade(url, revision)
    say(_sentence(migrations.status(url)))


async def _record(action: Action, target: str) -> None:
    """Of what is no operation, the record tells, as far down as there is one."""
    with suppress(SchemaMismatch):
        async with at_work() as bench, recorded(bench.world.database, bench.user, "cli", action, target):
            pass


def _operate(kind: str, revision: str, *, yes: bool) -> None:
    async def do() -> OperationRow:
        async with at_work() as bench:
            return await carry_out(bench, kind, {"revision": revision}, yes=yes)

    exit_with(asyncio.run(do()))


def _sentence(found: MigrationStatus) -> str:
    if found.ahead:
        return f"The database is at revision {found.current}, which this version does not know: newer code migrated it."
    if found.is_current:
        return f"The schema is current, at revision {found.current}."
    at = f"at revision {found.current}" if found.current else "empty"
    pending = ", ".join(found.pending)
    return f"The database is {at}; pending: {pending}."

"""`signalist db`: which revision the schema is at, and moving it."""

from typing import Annotated

import typer

from core import migrations
from core.config import settings
from core.migrations import MigrationStatus
from dashboard.cli.output import AsJson, Yes, confirm, say, write_json, write_table

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def db() -> None:
    """The schema of the database: where it stands, and moving it."""


@app.command()
def status(*, as_json: AsJson = False) -> None:
    """Say which revision the database is at, and which are pending."""
    found = migrations.status(settings().database())
    if as_json:
        write_json(found)
    else:
        say(_sentence(found))


@app.command()
def history(*, as_json: AsJson = False) -> None:
    """List every revision, oldest first, and whether it has run."""
    found = migrations.history(migrations.status(settings().database()).current)
    if as_json:
        write_json(found)
    else:
        rows = [(revision.id, "done" if revision.applied else "pending", revision.summary) for revision in found]
        write_table(("revision", "state", "what"), rows)


@app.command()
def diff() -> None:
    """Say how the database differs from the models; exits 1 if it does."""
    found = migrations.drift(settings().database())
    if not found:
        say("The database is what the models say.")
        return
    say("\n".join(found))
    raise typer.Exit(1)


@app.command()
def upgrade(
    revision: Annotated[str, typer.Argument(help="Up to this revision.")] = "head", *, yes: Yes = False
) -> None:
    """Run the pending revisions, each in its own transaction."""
    url = settings().database()
    before = migrations.status(url)
    if before.is_current and revision == "head":
        say(_sentence(before))
        return
    confirm(f"{_sentence(before)} Upgrade to {revision}?", yes=yes)
    say(_sentence(migrations.upgrade(url, revision)))


@app.command()
def downgrade(revision: Annotated[str, typer.Argument(help="Down to this revision.")], *, yes: Yes = False) -> None:
    """Take revisions back. What a revision added, tables with their rows included, is lost."""
    url = settings().database()
    confirm(f"{_sentence(migrations.status(url))} Downgrade to {revision} and lose what came after it?", yes=yes)
    say(_sentence(migrations.downgrade(url, revision)))


def _sentence(found: MigrationStatus) -> str:
    if found.ahead:
        return f"The database is at revision {found.current}, which this version does not know: newer code migrated it."
    if found.is_current:
        return f"The schema is current, at revision {found.current}."
    at = f"at revision {found.current}" if found.current else "empty"
    pending = ", ".join(found.pending)
    return f"The database is {at}; pending: {pending}."

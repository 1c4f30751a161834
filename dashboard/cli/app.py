"""`signalist`: the table of its verbs, and the one place where an error becomes a sentence and an exit code."""

import sys
from importlib import import_module, metadata
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException
from typer.main import get_command

from core.config import settings
from core.errors import SignalistError


class Verb(NamedTuple):
    module: str
    """Its typer app is called `app`; imported when the verb is used, so that no verb pays for another's libraries."""
    summary: str


VERBS = {
    "up": Verb("up", "Run all of it on this box until Ctrl-C."),
    "demo": Verb("demo", "Run all of it on invented feeds, to try it."),
    "dashboard": Verb("dashboard", "Serve the pages and the HTTP API."),
    "worker": Verb("worker", "Run the jobs."),
    "scheduler": Verb("scheduler", "Decide what is due."),
    "health": Verb("health", "Say whether all is well, check by check."),
    "feeds": Verb("feeds", "What is crawled: add, list, remove, import, export, crawl."),
    "search": Verb("search", "Find articles by what they mean."),
    "queues": Verb("queues", "List the queues; its verbs pause, resume and purge one."),
    "workers": Verb("workers", "List the worker processes; its verbs drain, resume and recycle one."),
    "failed": Verb("failed", "The jobs that gave up: list, groups, show, retry, edit, discard, reopen, export."),
    "index": Verb("index", "The vector index: stats, plan, rebuild, reembed, drop, recall."),
    "operations": Verb("operations", "What changes infrastructure: list, show, approve, cancel."),
    "users": Verb("users", "Who may log in: add, list, disable, roles, passwords."),
    "sessions": Verb("sessions", "Who is logged in: list, end."),
    "tokens": Verb("tokens", "Keys for programs: create, list, revoke."),
    "record": Verb("record", "Who did what, from where, to what, and how it went."),
    "db": Verb("db", "The schema of the database: where it stands, and moving it."),
}

# These say what they have to say themselves, or open the log when they need it.
_QUIET = {"search"}
_SERVICES = {"dashboard", "worker", "scheduler"}


class Verbs(TyperGroup):
    """Knows every verb by name and summary, and loads only the one that is called."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        verb = VERBS.get(cmd_name)
        return verb and TyperCommand(cmd_name, help=verb.summary)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None and command is not None:
            command = get_command(import_module(f"dashboard.cli.{VERBS[name].module}").app)
            command.name = name
            command.help = command.help or VERBS[name].summary
        return name, command, rest


app = typer.Typer(
    cls=Verbs,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"signalist {metadata.version('signalist')}")
        raise typer.Exit


@app.callback()
def signalist(
    context: typer.Context,
    *,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Its version.")] = False,
) -> None:
    """Turns news feeds into signals, and operates the pipeline that does it.

    Exit codes: 0 done, 1 the answer is bad, 2 wrong usage, 3 a server cannot be reached.
    """
    if context.invoked_subcommand not in _QUIET:
        from core import logs  # noqa: PLC0415 - a quarter of a second

        configure = logs.configure_service if context.invoked_subcommand in _SERVICES else logs.configure
        configure(settings())


def main() -> None:
    """Runs the verb on the command line and exits with its code; whatever goes wrong is one sentence on stderr."""
    try:
        # However it was called: every sentence that names a verb says `signalist`.
        ended = app(prog_name="signalist", standalone_mode=False)
    except SignalistError as error:
        typer.echo(str(error), err=True)
        sys.exit(error.exit_code)
    except TyperException as error:
        typer.echo(_usage(error), err=True)
        sys.exit(error.exit_code)
    except typer.Abort:
        typer.echo("Nothing was done.", err=True)
        sys.exit(1)
    sys.exit(ended if isinstance(ended, int) else 0)


def _usage(error: TyperException) -> str:
    """`No such option: --al. Did you mean --all? See “signalist failed retry --help”.`"""
    message, command = error.format_message(), getattr(error, "ctx", None)
    # Without any word, typer raises the help itself.
    if "\n" in message or command is None:
        return message
    return f"{message.rstrip('.?')}{'?' if message.endswith('?') else '.'} See “{command.command_path} --help”."

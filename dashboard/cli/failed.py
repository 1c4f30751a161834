"""`signalist failed`: the jobs that gave up."""

import asyncio
import datetime as dt
import json
import re
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated

import typer

from core.errors import BadRequest, NotFound
from core.failed_jobs import export as export_
from core.failed_jobs.begin import CANARY, Begun
from core.failed_jobs.cancel import cancel as cancel_action
from core.failed_jobs.discard import discard as discard_jobs
from core.failed_jobs.edit import edit as edit_job
from core.failed_jobs.filter import STATES, Filter
from core.failed_jobs.narrowing import narrowed
from core.failed_jobs.plan import Plan, plan
from core.failed_jobs.reopen import reopen as reopen_jobs
from core.failed_jobs.retry import retry as retry_jobs
from core.failed_jobs.skip_canary import skip_canary
from core.failed_jobs.subjects import About, called, subjects
from core.moments import moment
from core.phrases import duration
from core.queries import failed_actions, failed_groups, failed_list, failed_show
from core.queries.failed_actions import FailedJobsAction
from core.queries.failed_groups import FailedGroup
from core.queries.failed_list import FailedPage, FailedRow
from core.queries.failed_show import FailedJobStory
from dashboard.cli.output import AsJson, Yes, ago, confirm, say, write_json, write_list, write_table
from dashboard.cli.servers import Servers, connected

app = typer.Typer(no_args_is_help=True, add_completion=False)

Task = Annotated[str, typer.Option(help="Only of this task.")]
Queue = Annotated[str, typer.Option(help="Only of this queue.")]
Error = Annotated[str, typer.Option(help="Only with this exception, or of this group.")]
Since = Annotated[str, typer.Option(help="Only those that failed since: 90min, 24h, 7d, or a date.")]
Words = Annotated[str, typer.Option("--text", help="Only those that say this, or that are about what has this id.")]
Ids = Annotated[list[str] | None, typer.Argument(help="Ids as `list` shows them.", show_default=False)]
All = Annotated[bool, typer.Option("--all", help="Every failed job.")]
Group = Annotated[str, typer.Option(help="Every job of a group, as `groups` shows it.")]
ActionId = Annotated[uuid.UUID, typer.Argument(metavar="ID", help="As `actions` shows it.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what it would touch.")]
Verb = Callable[..., Awaitable[Begun]]

_MOST_GROUPS = 100
_MOST_ACTIONS = 50
_FINGERPRINT = re.compile(r"[0-9a-f]{16}")


@app.callback()
def failed() -> None:
    """The jobs that gave up: which, why, and what is to become of them."""


@app.command("list")
def list_(
    *,
    task: Task = "",
    queue: Queue = "",
    error: Error = "",
    since: Since = "",
    text: Words = "",
    state: Annotated[str, typer.Option(help=f"Those in this state: {', '.join(STATES)}.")] = "open",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List failed jobs, the newest first."""
    if state not in STATES:
        raise BadRequest(f"There is no state {state!r}: {', '.join(STATES)}.")
    chosen, now = replace(_filter(task, queue, error, since, text), state=state), dt.datetime.now(dt.UTC)
    page, about = asyncio.run(_list(chosen, limit))
    if as_json:
        write_json(page.rows)
        return
    rows = [
        (row.id, row.task, _about(row, about), row.exception, row.message, ago(row.last_failed_at, now))
        for row in page.rows
    ]
    nothing = "There are no failed jobs." if chosen == Filter() else "No failed job matches that."
    write_list(("id", "task", "about", "exception", "message", "failed"), rows, nothing)
    if page.searched is not None:
        narrower = "Narrow it by --task, --queue, --error or --since."
        say(f"Looked through the newest {page.searched:,}; there are more. {narrower}")
    elif page.next is not None:
        say(f"There are more than {limit:,}: see --limit.")


@app.command()
def groups(*, as_json: AsJson = False) -> None:
    """List the causes, the most frequent first."""
    found, now = asyncio.run(_groups()), dt.datetime.now(dt.UTC)
    if as_json:
        write_json(found)
        return
    rows = [
        (group.fingerprint, group.count, ", ".join(group.tasks), group.exception, group.message,
         ago(group.first_seen, now), ago(group.last_seen, now))
        for group in found
    ]  # fmt: skip
    columns = ("group", "jobs", "tasks", "exception", "message", "first", "last")
    write_list(columns, rows, "There are no failed jobs.")


@app.command()
def show(
    id_: Annotated[str, typer.Argument(metavar="ID", help="As `list` shows it.")], *, as_json: AsJson = False
) -> None:
    """Tell the whole story of a failed job."""
    story, about = asyncio.run(_show(id_))
    if as_json:
        write_json(story)
    else:
        _tell(story, about)


@app.command()
def retry(
    ids: Ids = None,
    *,
    everything: All = False,
    group: Group = "",
    task: Task = "",
    queue: Queue = "",
    since: Since = "",
    text: Words = "",
    canary: Annotated[
        int, typer.Option(min=0, max=100, help="Of many, so many go first; 0 for no such caution.")
    ] = CANARY,
    rate: Annotated[float | None, typer.Option(help="At most so many a second.")] = None,
    dry_run: DryRun = False,
) -> None:
    """Send failed jobs again; of many, five go first, and the rest if all of them succeed."""
    chosen = _chosen(ids, everything, _filter(task, queue, group, since, text))
    if dry_run:
        _say_plan(asyncio.run(_plan(chosen, canary)))
    else:
        say(asyncio.run(_do(partial(retry_jobs, canary=canary, rate=rate), chosen)).sentence)


@app.command()
def discard(
    ids: Ids = None,
    *,
    everything: All = False,
    group: Group = "",
    task: Task = "",
    queue: Queue = "",
    since: Since = "",
    text: Words = "",
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Take failed jobs off the list without sending them again."""
    chosen = _chosen(ids, everything, _filter(task, queue, group, since, text))
    if dry_run:
        _say_plan(asyncio.run(_plan(chosen, 0)))
        return
    if not chosen[0] and not yes:
        found = asyncio.run(_plan(chosen, 0))
        if found.total.value or not found.total.exact:
            confirm(f"Discard {found.total.of('job')}: {found.target}?", yes=yes)
    say(asyncio.run(_do(discard_jobs, chosen)).sentence)


@app.command()
def reopen(
    ids: Ids = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Every discarded job.")] = False,
    group: Group = "",
    task: Task = "",
    queue: Queue = "",
    since: Since = "",
    text: Words = "",
    action: Annotated[uuid.UUID | None, typer.Option(help="What one action discarded, as `actions` shows it.")] = None,
) -> None:
    """Bring discarded jobs back to the list."""
    chosen = _chosen(ids, everything, replace(_filter(task, queue, group, since, text), action=action))
    say(asyncio.run(_do(reopen_jobs, chosen)).sentence)


@app.command()
def edit(
    id_: Annotated[str, typer.Argument(metavar="ID", help="As `list` shows it.")],
    arguments: Annotated[str, typer.Argument(metavar="JSON", help="An array of them in order, or an object by name.")],
) -> None:
    """Retry a failed job with other arguments."""
    say(asyncio.run(_edit(id_, arguments)).sentence)


@app.command()
def actions(*, as_json: AsJson = False) -> None:
    """List what was done to failed jobs, and what became of them, the latest first."""
    found, now = asyncio.run(_actions()), dt.datetime.now(dt.UTC)
    if as_json:
        write_json(found)
        return
    rows = [
        (action.id, action.verb, action.target, action.actor, action.state, f"{action.taken:,} of {action.total}",
         action.succeeded, action.failed_again, ago(action.created_at, now))
        for action in found
    ]  # fmt: skip
    columns = ("id", "verb", "jobs", "by", "state", "taken", "succeeded", "failed again", "begun")
    write_list(columns, rows, "Nothing was done to failed jobs yet.")


@app.command()
def cancel(action: ActionId) -> None:
    """Stop an action: it takes no more jobs; those that it has sent run."""
    ended = asyncio.run(_cancel(action))
    say(f"Cancelled after {ended.taken:,} of {ended.total.of('job')}.")


@app.command()
def proceed(action: ActionId) -> None:
    """Send the rest of an action without waiting for its first jobs."""
    asyncio.run(_proceed(action))
    say("The rest goes ahead.")


@app.command()
def export(
    *,
    task: Task = "",
    queue: Queue = "",
    error: Error = "",
    since: Since = "",
    text: Words = "",
    as_json: AsJson = False,
) -> None:
    """Write failed jobs to stdout, as CSV, or as JSON with the whole story of each."""
    asyncio.run(_export(_filter(task, queue, error, since, text), as_json=as_json))


def _filter(task: str, queue: str, error: str, since_: str, text: str) -> Filter:
    cause = error if _FINGERPRINT.fullmatch(error) else ""
    if error and not cause and text:
        raise BadRequest("Say either --text or the name of an exception: both are looked for in the same way.")
    since = moment(since_, dt.datetime.now(dt.UTC)) if since_ else None
    return Filter(task=task, queue=queue, cause=cause, since=since, text=text or ("" if cause else error))


def _chosen(ids: Sequence[str] | None, everything: bool, chosen: Filter) -> tuple[Sequence[str], Filter]:
    """Ids, or else a filter that was meant: nothing said is a mistake, and not everything."""
    if bool(ids) + everything + (not chosen.is_everything) != 1:
        raise BadRequest("Say which: ids, or --all, or what they have in common.")
    return ids or (), chosen


def _say_plan(found: Plan) -> None:
    say(found.sentence)
    if found.shares:
        rows = [(share.number, share.task, share.exception) for share in found.shares]
        write_table(("jobs", "task", "exception"), rows)


def _about(job: FailedRow | FailedJobStory, about: dict[uuid.UUID, About]) -> str:
    return about[job.id].words if job.id in about else called(job.args, job.kwargs.items())


def _tell(story: FailedJobStory, about: dict[uuid.UUID, About]) -> None:
    facts = {
        "id": story.id,
        "job": f"{story.task}({called(story.args, story.kwargs.items())})",
        "about": _about(story, about),
        "queue": story.queue,
        "state": story.state + (f" by {story.resolved_by}" if story.resolved_by else ""),
        "gave up": story.reason,
        "group": story.fingerprint,
        "first failed": story.first_failed_at.isoformat(timespec="seconds"),
        "last failed": story.last_failed_at.isoformat(timespec="seconds"),
    }
    write_table(("", ""), facts.items())
    for number, attempt in enumerate(story.attempts, 1):
        took = duration(float(attempt["duration_s"]))
        say(f"\nAttempt {number} at {attempt['at']} on {attempt['worker']}, {took}")
        say(str(attempt["traceback"]) or f"{attempt['exception']}: {attempt['message']}")
        if attempt.get("log"):
            say(f"What it said:\n{attempt['log']}")


async def _list(chosen: Filter, limit: int) -> tuple[FailedPage, dict[uuid.UUID, About]]:
    async with connected() as servers, servers.database.session() as session:
        page = await failed_list.page(session, await narrowed(session, chosen), limit=limit)
        return page, await subjects(session, page.rows)


async def _groups() -> tuple[FailedGroup, ...]:
    async with connected() as servers, servers.database.session() as session:
        return await failed_groups.largest(session, _MOST_GROUPS)


async def _show(words: str) -> tuple[FailedJobStory, dict[uuid.UUID, About]]:
    async with connected() as servers:
        (id_,) = await _named(servers, [words])
        async with servers.database.session() as session:
            story = await failed_show.get(session, id_)
            return story, await subjects(session, [story])


async def _plan(chosen: tuple[Sequence[str], Filter], canary: int) -> Plan:
    async with connected() as servers:
        return await plan(servers.database, servers.user, await _meant(servers, chosen), canary=canary)


async def _do(verb: Verb, chosen: tuple[Sequence[str], Filter]) -> Begun:
    async with connected() as servers:
        meant = await _meant(servers, chosen)
        return await verb(servers.database, servers.redis, servers.user, "cli", meant, now=dt.datetime.now(dt.UTC))


async def _export(chosen: Filter, *, as_json: bool) -> None:
    write = export_.as_json if as_json else export_.as_csv
    async with connected() as servers:
        async for part in write(servers.database, servers.user, chosen):
            typer.echo(part, nl=False)


async def _edit(words: str, arguments: str) -> Begun:
    try:
        given = json.loads(arguments)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"The arguments are no JSON: {error}.") from None
    if not isinstance(given, list | dict):
        raise BadRequest("The arguments are an array of them in order, or an object by name.")
    args, kwargs = (given, {}) if isinstance(given, list) else ([], given)
    async with connected() as servers:
        (id_,) = await _named(servers, [words])
        now = dt.datetime.now(dt.UTC)
        return await edit_job(
            servers.database, servers.redis, servers.user, "cli", id_, args=args, kwargs=kwargs, now=now
        )


async def _actions() -> tuple[FailedJobsAction, ...]:
    async with connected() as servers, servers.database.session() as session:
        return await failed_actions.recent(session, _MOST_ACTIONS)


async def _cancel(action: uuid.UUID) -> FailedJobsAction:
    async with connected() as servers:
        return await cancel_action(servers.database, servers.user, "cli", action, now=dt.datetime.now(dt.UTC))


async def _proceed(action: uuid.UUID) -> None:
    async with connected() as servers:
        await skip_canary(servers.database, servers.user, "cli", action)


async def _meant(servers: Servers, chosen: tuple[Sequence[str], Filter]) -> Filter:
    words, filter_ = chosen
    return filter_.named(await _named(servers, words)) if words else filter_


async def _named(servers: Servers, words: Sequence[str]) -> tuple[uuid.UUID, ...]:
    """The failed jobs with these ids, which may be their own or those of their tasks. Raises NotFound."""
    found = []
    async with servers.database.session() as session:
        for word in words:
            ids = await failed_list.identified(session, word, [])
            if not ids:
                raise NotFound(f"There is no failed job {word}.")
            found.append(ids[0])
    return tuple(found)

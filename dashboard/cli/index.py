"""`signalist index`: how good the vector index is, and building another one."""

import asyncio
import secrets
from typing import Annotated, Any

import typer

from core.indexes import choices, measuring, progress, report
from core.indexes.choices import Choice
from core.indexes.report import IndexReport, state_of
from core.operations import planning
from core.operations.kinds import KINDS
from core.operations.planning import Draft
from core.phrases import counted, milliseconds, size
from core.queries.index_measurements import Measurement
from core.queries.operations import OperationRow
from dashboard.cli.operating import at_work, carry_out, exit_with, show_plan
from dashboard.cli.output import AsJson, Yes, say, write_json, write_table
from dashboard.index_facts import facts, wear

app = typer.Typer(no_args_is_help=True, add_completion=False)
KIND = "rebuild index"

Method = Annotated[str, typer.Option(help="ivfflat or hnsw; else as the sizing table has it.")]
Lists = Annotated[int | None, typer.Option(help="Lists of IVFFlat.")]
M = Annotated[int | None, typer.Option("--m", help="m of HNSW.")]
Ef = Annotated[int | None, typer.Option(help="ef_construction of HNSW.")]
Halfvec = Annotated[bool, typer.Option("--halfvec", help="Half the size, half the precision.")]
Memory = Annotated[int | None, typer.Option("--memory-mb", help="Memory for the build.")]
Target = Annotated[float | None, typer.Option(help="Recall@10 to reach.")]
Setting = Annotated[int | None, typer.Option(help="probes or ef_search of searches; else the lowest that reaches it.")]

PerMinute = Annotated[int | None, typer.Option(help="Articles a minute at most; 0 for as fast as it goes.")]


@app.callback()
def index() -> None:
    """The vector index: how good it is, and building another one beside it."""


@app.command()
def stats(*, as_json: AsJson = False) -> None:
    """Say what there is, how good it is, and what should be done."""

    async def read() -> IndexReport:
        async with at_work() as bench:
            return await report.read(bench.world.database, bench.world.model)

    found = asyncio.run(read())
    if as_json:
        write_json(found)
        return
    rows = found.table.rows
    say(f"{counted(rows, 'row') if rows is not None else 'rows not counted yet'}, {size(found.table.size)} in all.")
    if found.table.indexes:
        write_table(
            ("index", "shape", "rows at build", "size", "scans", "state"),
            [
                (i.name, i.shape.words, i.build and i.build.rows, size(i.size), i.scans, state_of(i, found.table)[1])
                for i in found.table.indexes
            ],
        )
    say(f"{wear(found)}.")
    for name, said in facts(found):
        say(f"  {name:<15}  {said}")
    for build in found.builds:
        say(f"{build.name or 'An index'} is being built: {progress.words(build)}.")
    for broken in found.invalid:
        say(
            f"{broken.name} on {broken.table} is not valid, and every write pays: `signalist index drop {broken.name}`."
        )
    if found.measured is not None:
        say(_words(found.measured))
    say(found.advice or "Nothing needs to be done.")


@app.command()
def plan(
    *, method: Method = "", lists: Lists = None, m: M = None, ef_construction: Ef = None, halfvec: Halfvec = False,
    memory_mb: Memory = None, target: Target = None, setting: Setting = None, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Show what a rebuild would do; nothing is stored or changed."""
    asked = _asked(
        method, lists, m, ef_construction, halfvec=halfvec, memory_mb=memory_mb, target=target, setting=setting
    )

    async def draft() -> tuple[Draft, tuple[Choice, ...]]:
        async with at_work() as bench:
            made = await planning.draft(bench.world, KINDS[KIND], asked)
            async with bench.world.database.session() as session:
                return made, await choices.read(session)

    made, others = asyncio.run(draft())
    if as_json:
        write_json({"parameters": made.parameters, "plan": made.plan, "choices": others})
        return
    show_plan(made.plan)
    say("\nWhat there is to choose from:")
    columns = ("shape", "memory", "disk", "time", "why")
    write_table(columns, [(c.shape.words, size(c.memory), size(c.disk), choices.time_words(c), c.why) for c in others])


@app.command()
def rebuild(
    *, method: Method = "", lists: Lists = None, m: M = None, ef_construction: Ef = None, halfvec: Halfvec = False,
    memory_mb: Memory = None, target: Target = None, setting: Setting = None, yes: Yes = False,
) -> None:  # fmt: skip
    """Build a new index beside the old one, prove it, and swap them; reads and writes go on."""
    asked = _asked(
        method, lists, m, ef_construction, halfvec=halfvec, memory_mb=memory_mb, target=target, setting=setting
    )

    async def do() -> OperationRow:
        async with at_work() as bench:
            return await carry_out(bench, KIND, asked, yes=yes)

    exit_with(asyncio.run(do()))


@app.command()
def reembed(*, per_minute: PerMinute = None, yes: Yes = False) -> None:
    """Embed what is missing, and what another model embedded, by the active model; the plan says what it costs."""
    asked = {} if per_minute is None else {"per_minute": per_minute}

    async def do() -> OperationRow:
        async with at_work() as bench:
            return await carry_out(bench, "embed articles", asked, yes=yes)

    exit_with(asyncio.run(do()))


@app.command()
def drop(name: Annotated[str, typer.Argument(help="Of an index, on any table.")], *, yes: Yes = False) -> None:
    """Drop an index that a build which was cut short left; one that is valid is refused."""

    async def do() -> OperationRow:
        async with at_work() as bench:
            return await carry_out(bench, "drop invalid index", {"index": name}, yes=yes)

    exit_with(asyncio.run(do()))


@app.command()
def recall(*, as_json: AsJson = False) -> None:
    """Measure recall@10 and latency now, and turn searches to the setting that reaches what is wanted (0.95)."""

    async def do() -> Measurement:
        async with at_work() as bench:
            world = bench.world
            return await measuring.take(world.database, bench.user, "cli", world.model, seed=secrets.randbits(32))

    found = asyncio.run(do())
    if as_json:
        write_json(found)
    else:
        say(_words(found))


def _words(found: Measurement) -> str:
    half = (found.recall_high - found.recall_low) / 2
    return (
        f"Recall@10 {found.recall:.3f} ± {half:.3f} on {found.sample} queries at {found.setting} {found.value}; "
        f"p50 {milliseconds(found.p50_ms)}, p95 {milliseconds(found.p95_ms)}; "
        f"exact p50 {milliseconds(found.exact_p50_ms)}, p95 {milliseconds(found.exact_p95_ms)}."
    )


def _asked(
    method: str,
    lists: int | None,
    m: int | None,
    ef_construction: int | None,
    *,
    halfvec: bool,
    memory_mb: int | None,
    target: float | None,
    setting: int | None,
) -> dict[str, Any]:
    asked = {
        "method": method or None, "lists": lists, "m": m, "ef_construction": ef_construction,
        "halfvec": halfvec or None, "memory_mb": memory_mb, "target": target, "setting": setting,
    }  # fmt: skip
    return {name: value for name, value in asked.items() if value is not None}

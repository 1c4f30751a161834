"""Embedding again: what is missing, and what another model than the active one has embedded.

An article keeps its old vectors until its new ones take their place, in one transaction. A search looks only at those
of the active model, so that two models never mix in it.
"""

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from core.config import LOCAL_EMBEDDING_MODEL
from core.errors import BadRequest, Conflict, ModelUnavailable, RetryLater, SignalistError, Unavailable, WillNotHeal
from core.indexes import reembed_plan
from core.operations.kind import EXCLUSIVE_EMBEDDINGS, Step, World
from core.operations.plan import Explored, Parameters, Plan
from core.operations.running import Run
from core.phrases import counted, duration
from core.pipeline.embed import embed_article
from core.pipeline.models import OPENAI, Embedder, make_embedder
from core.queries import articles, embeddings, vector_index
from core.queries.operations import OperationRow
from core.queues import enqueue
from core.queues.jobs import measure_index

# Articles in hand at a time: a service has seconds for each, and after a pause no more than these are waited for.
AT_ONCE = 4
# OpenAI's lowest paid tier allows 3,000 requests a minute; new articles need some of them.
API_PER_MINUTE = 1_000
MOST_PER_MINUTE = 100_000
# An article that fails this often while others pass holds up the rest no longer.
TRIES = 3
# More refusals than this are no matter of single articles.
MOST_REFUSED = 100
# A service may be away for this long in all before the operation gives up; it looks again after this much.
AWAY_S, LOOK_AGAIN_S = 600.0, 5.0


class ModelRefuses(SignalistError):
    """The embedding model refuses too many articles."""


class Reembed:
    """Every article embedded by the active model."""

    name = "embed articles"
    exclusive = EXCLUSIVE_EMBEDDINGS
    can_pause = True

    async def settle(self, world: World, asked: Parameters) -> Mapping[str, Any]:
        """`per_minute`: articles, 0 for as fast as it goes. The model is the active one, whatever was asked before."""
        if unknown := set(asked) - {"per_minute", "model"}:
            raise BadRequest(f"There is no such choice: {', '.join(sorted(unknown))}.")
        default = 0 if world.model == LOCAL_EMBEDDING_MODEL else API_PER_MINUTE
        per_minute = asked.get("per_minute", default)
        if not isinstance(per_minute, int) or not 0 <= per_minute <= MOST_PER_MINUTE:
            raise BadRequest(f"Articles a minute are a number up to {MOST_PER_MINUTE:,}; 0 is no limit.")
        return {"model": world.model, "per_minute": per_minute}

    async def explore(self, world: World, parameters: Parameters) -> Explored:
        model = parameters["model"]
        if model != world.model:
            raise Conflict(f"The active model is {world.model} now, and this was planned for {model}.")
        async with world.database.session() as session:
            extent = await articles.extent_to_reembed(session, model)
            others = await articles.models_but(session, model)
            indexed = (await vector_index.read(session)).serving is not None
        if not extent.articles:
            raise Conflict(f"Every article is embedded by {model} already.")
        base = world.settings.openai_base_url or OPENAI
        return Explored(
            matters={"model": model, "service": "this machine" if model == LOCAL_EMBEDDING_MODEL else base},
            seen={
                "missing": extent.missing,
                "stale": extent.stale,
                "characters": extent.characters,
                "others": list(others),
                "priced": base.rstrip("/") == OPENAI,
                "indexed": indexed,
            },
        )

    def plan(self, parameters: Parameters, explored: Explored) -> Plan:
        return reembed_plan.plan(parameters, explored)

    def steps(self, world: World, row: OperationRow) -> tuple[Step, ...]:
        return (
            Step("Try the model", partial(_try, world)),
            Step("Embed", partial(_embed, world)),
            Step("Confirm", partial(_confirm, world), proof=True),
        )

    async def roll_back(self, world: World, run: Run) -> str | None:
        done = counted(run.result.get("done", 0), "article")
        await run.say(f"{done} embedded by {run.row.parameters['model']} stay so; the others have what they had.")
        return None

    async def outcome(self, world: World, run: Run) -> str:
        done, skipped = run.result.get("done", 0), len(run.result.get("skipped", ()))
        left = f" {counted(skipped, 'article')} could not be: the log says why." if skipped else ""
        return f"{counted(done, 'article')} embedded by {run.row.parameters['model']}.{left}"


@asynccontextmanager
async def _embedder(world: World) -> AsyncIterator[Embedder]:
    embedder = make_embedder(world.settings)
    try:
        yield embedder
    finally:
        await embedder.close()


async def _try(world: World, run: Run) -> None:
    """A wrong key, or a service that is away, is found out before anything is done."""
    async with _embedder(world) as embedder:
        await embedder.embed(["A sentence to see whether the model answers."])
        await run.say(f"{embedder.model} answers.")


async def _embed(world: World, run: Run) -> None:
    """What is left, whoever began: an article that is done is not listed any more."""
    model, per_minute = run.row.parameters["model"], run.row.parameters["per_minute"]
    done, away_s = int(run.result.get("done", 0)), 0.0
    skipped = [uuid.UUID(each) for each in run.result.get("skipped", ())]
    failures: Counter[uuid.UUID] = Counter()
    async with run.database.session() as session:
        total = done + (await articles.extent_to_reembed(session, model)).articles
    async with _embedder(world) as embedder:
        while ids := await _next(run, skipped):
            started, wait = time.monotonic(), 0.0
            tried = [embed_article(each, database=run.database, embedder=embedder) for each in ids]
            outcomes = await asyncio.gather(*tried, return_exceptions=True)
            works = any(isinstance(outcome, int) for outcome in outcomes)
            for each, outcome in zip(ids, outcomes, strict=True):
                match outcome:
                    case int():
                        done += 1
                    case WillNotHeal() | Conflict():
                        skipped.append(each)
                        await run.say(f"Article {each} is left as it is: {outcome}", "warning")
                        _refuse_too_many(skipped, outcome)
                    case ModelUnavailable() if works and failures[each] + 1 >= TRIES:
                        skipped.append(each)
                        await run.say(f"Article {each} is left as it is, while others pass: {outcome}", "warning")
                        _refuse_too_many(skipped, outcome)
                    case RetryLater() | ModelUnavailable():
                        failures[each] += works
                        wait = max(wait, outcome.retry_after if isinstance(outcome, RetryLater) else LOOK_AGAIN_S)
                        why = outcome
                    case _:
                        raise outcome
            await run.keep(done=done, skipped=[str(each) for each in skipped])
            await run.progress(min(1.0, done / max(total, 1)), f"{done:,} of {total:,} articles")
            away_s = 0.0 if works else away_s + wait
            if away_s > AWAY_S:
                raise why
            if wait:
                await run.say(f"{why} Trying again in {duration(wait)}.", "warning")
            pace = len(ids) * 60 / per_minute if per_minute else 0.0
            await run.pause(max(wait, pace - (time.monotonic() - started), 0.0))


def _refuse_too_many(skipped: list[uuid.UUID], last: SignalistError) -> None:
    if len(skipped) > MOST_REFUSED:
        raise ModelRefuses(f"{counted(len(skipped), 'article')} were refused, the last one because: {last}")


async def _next(run: Run, skipped: list[uuid.UUID]) -> tuple[uuid.UUID, ...]:
    run.check()
    async with run.database.session() as session:
        return await articles.to_reembed(session, run.row.parameters["model"], skipped, AT_ONCE)


async def _confirm(world: World, run: Run) -> None:
    """What came meanwhile is embedded too, a search finds something, and the index is measured on the new vectors."""
    await _embed(world, run)
    async with _embedder(world) as embedder:
        (vector,) = await embedder.embed(["What is new in the world?"])
    async with run.database.session() as session:
        found = await embeddings.nearest(session, vector, model=embedder.model, limit=1)
        indexed = (await vector_index.read(session)).serving is not None
    await run.say("A search by the new vectors " + (f"finds “{found[0].title}”." if found else "finds nothing yet."))
    if indexed:
        try:
            await enqueue(world.redis, measure_index())
            await run.say("The recall of the index is being measured on them.")
        except Unavailable:
            await run.say("The recall of the index is measured on them by tomorrow.", "warning")

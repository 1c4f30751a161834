"""Embedding again: what is missing, and what another model than the active one has embedded.

An article keeps its old vectors until its new ones take their place, in one transaction. A search looks only at those
of the active model, so that two models never mix in it.
"""

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from redis.asyncio import Redis

from core.config import LOCAL_EMBEDDING_MODEL
from core.errors import (
    BadRequest,
    Conflict,
    ModelUnavailable,
    RedisUnavailable,
    RetryLater,
    SignalistError,
    Unavailable,
    WillNotHeal,
)
from core.indexes import reembed_plan
from core.operations.kind import EXCLUSIVE_EMBEDDINGS, Step, Undone, World
from core.operations.plan import Explored, Parameters, Plan
from core.operations.running import Run
from core.phrases import counted, duration
from core.pipeline.embed import count_tokens, embed_article
from core.pipeline.models import OPENAI, Embedder, Vectors, make_embedder
from core.queries import articles, embeddings, vector_index
from core.queries.operations import OperationRow
from core.queues import enqueue
from core.queues.jobs import generate_embeddings, measure_index
from core.queues.places import alive

# The queue of the jobs that embed articles by themselves.
EMBED = "embed"
SENTENCE = "A sentence to see whether the model answers."
# Articles in hand at a time: a service has seconds for each, and after a pause no more than these are waited for.
AT_ONCE = 4
# OpenAI's lowest paid tier allows 3,000 requests a minute; new articles need some of them.
API_PER_MINUTE = 1_000
MOST_PER_MINUTE = 100_000
# An article that fails this often while others pass holds up the rest no longer.
TRIES = 3
# More refusals than this are no matter of single articles.
MOST_REFUSED = 100
# A service that does not say when it is back may be away for this long in all before the operation gives up. It is
# asked again after so much, then twice that, and so on up to the most.
AWAY_S, LOOK_AGAIN_S, LOOK_AGAIN_AT_MOST_S = 600.0, 5.0, 60.0
# The longest that a service may ask for, as for every job (docs/delivery.md).
LONGEST_WAIT_S = 86_400.0
# What is waited for is said this often: a service that asks for a second each time is not to fill the log.
SAY_EVERY_S = 60.0


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

    async def roll_back(self, world: World, run: Run) -> Undone:
        """There is none, and none is needed: each article has whole vectors of one model at any time."""
        await run.reload()
        return Undone(stays=self.stays(run.row))

    def stays(self, row: OperationRow) -> str | None:
        if not (done := row.result.get("done", 0)):
            return None
        stay = "stays" if done == 1 else "stay"
        kept = f"{counted(done, 'article')} embedded by {row.parameters['model']} {stay} so"
        return f"{kept}; the others have what they had."

    async def outcome(self, world: World, run: Run) -> str:
        done, skipped = run.result.get("done", 0), len(run.result.get("skipped", ()))
        left = f" {counted(skipped, 'article')} could not be: the log says why." if skipped else ""
        if queued := run.result.get("queued", 0):
            left += f" {counted(queued, 'article')} left to jobs that wait in the queue {EMBED}."
        return f"{counted(done, 'article')} embedded by {run.row.parameters['model']}.{left}"


@asynccontextmanager
async def _embedder(world: World) -> AsyncIterator[Embedder]:
    embedder = make_embedder(world.settings)
    try:
        yield embedder
    finally:
        await embedder.close()


class _Patience:
    """Waits for a service: as long as it asks for (Retry-After), or, when it says nothing, for AWAY_S in all."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._away_s = 0.0
        self._said = -SAY_EVERY_S

    def answered(self) -> None:
        """It is there again."""
        self._away_s = 0.0

    async def wait(self, error: RetryLater | ModelUnavailable | RedisUnavailable) -> None:
        """Raises the error when it was waited for long enough, and Stopped when a person wants that."""
        if isinstance(error, RetryLater):
            seconds = min(max(error.retry_after, 1.0), LONGEST_WAIT_S)
        else:
            seconds = min(LOOK_AGAIN_S + self._away_s, LOOK_AGAIN_AT_MOST_S)
            self._away_s += seconds
            if self._away_s > AWAY_S:
                raise error
        if seconds >= SAY_EVERY_S or time.monotonic() - self._said >= SAY_EVERY_S:
            self._said = time.monotonic()
            await self._run.say(f"{error} Trying again in {duration(seconds)}.", "warning")
        await self._run.pause(seconds)


async def _ask(run: Run, embedder: Embedder, words: str) -> Vectors:
    """The vector of some words, as soon as the model answers. Raises what it says when that will not heal."""
    patience = _Patience(run)
    while True:
        try:
            return await embedder.embed([words])
        except (RetryLater, ModelUnavailable) as error:
            await patience.wait(error)


async def _try(world: World, run: Run) -> None:
    """A wrong key is found out before anything is done, and a service that is away is waited for."""
    async with _embedder(world) as embedder:
        await _ask(run, embedder, SENTENCE)
        await run.say(f"{embedder.model} answers.")


async def _embed(world: World, run: Run) -> None:
    """What is left, whoever began: an article that is done is not listed any more."""
    model, per_minute = run.row.parameters["model"], run.row.parameters["per_minute"]
    done, patience = int(run.result.get("done", 0)), _Patience(run)
    skipped = [uuid.UUID(each) for each in run.result.get("skipped", ())]
    queued: set[uuid.UUID] = set()
    failures: Counter[uuid.UUID] = Counter()
    async with run.database.session() as session:
        total = done + (await articles.extent_to_reembed(session, model)).articles
    async with _embedder(world) as embedder:
        while ids := await _next(world, run, patience, skipped, queued):
            started, trouble = time.monotonic(), None
            tried = [embed_article(each, database=run.database, embedder=embedder) for each in ids]
            outcomes = await asyncio.gather(*tried, return_exceptions=True)
            await count_tokens(world.redis, embedder)
            works = any(isinstance(outcome, int) for outcome in outcomes) or await _answers(embedder, outcomes)
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
                        trouble = _longer(trouble, outcome)
                    case _:
                        raise outcome
            await run.keep(done=done, skipped=[str(each) for each in skipped], in_hand=[])
            await run.progress(min(1.0, done / max(total, 1)), f"{done:,} of {total:,} articles")
            if works:
                patience.answered()
            if trouble:
                await patience.wait(trouble)
            pace = len(ids) * 60 / per_minute if per_minute else 0.0
            await run.pause(max(pace - (time.monotonic() - started), 0.0))
    await run.keep(queued=len(queued))


async def _answers(embedder: Embedder, outcomes: Sequence[int | BaseException]) -> bool:
    """Whether it is these articles that fail, and not the service. One that asks to be left alone is left alone."""
    if not all(isinstance(outcome, ModelUnavailable) for outcome in outcomes):
        return False
    try:
        await embedder.embed([SENTENCE])
    except SignalistError:
        return False
    return True


def _longer(
    one: RetryLater | ModelUnavailable | None, other: RetryLater | ModelUnavailable
) -> RetryLater | ModelUnavailable:
    """Of two reasons to wait the one that lasts longer; what a service asks for wins over what it does not say."""
    asked = [each.retry_after if isinstance(each, RetryLater) else 0.0 for each in (one, other)]
    return other if one is None or asked[1] > asked[0] else one


def _refuse_too_many(skipped: list[uuid.UUID], last: SignalistError) -> None:
    if len(skipped) > MOST_REFUSED:
        raise ModelRefuses(f"{counted(len(skipped), 'article')} were refused, the last one because: {last}")


async def _next(
    world: World, run: Run, patience: _Patience, skipped: Sequence[uuid.UUID], queued: set[uuid.UUID]
) -> tuple[uuid.UUID, ...]:
    """A few articles that nobody else embeds, and pays for, at the same time; none when there are no more.

    It says first which it has in hand, and then looks which of them have a job: one that begins later leaves them alone
    (core.pipeline.embed), and to one that was there before they are left, as `queued`.
    """
    while True:
        run.check()
        async with run.database.session() as session:
            found = await articles.to_reembed(session, run.row.parameters["model"], [*skipped, *queued], AT_ONCE)
        if found:
            await run.keep(in_hand=[str(each) for each in found])
        try:
            busy = await _with_job(world.redis, found or queued)
        except RedisUnavailable as error:
            await patience.wait(error)
            continue
        if found:
            queued |= busy
            if free := tuple(each for each in found if each not in busy):
                return free
        elif busy == queued:
            return ()
        else:
            # Where a job has ended, the article is done, or ours.
            queued &= busy


async def _with_job(redis: Redis, ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    keys = {generate_embeddings(each).key or "": each for each in ids}
    return {keys[key] for key in await alive(redis, EMBED, list(keys))}


async def _confirm(world: World, run: Run) -> None:
    """What came meanwhile is embedded too, a search finds something, and the index is measured on the new vectors."""
    await _embed(world, run)
    async with _embedder(world) as embedder:
        (vector,) = await _ask(run, embedder, "What is new in the world?")
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

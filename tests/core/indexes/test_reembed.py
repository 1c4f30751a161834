"""Embedding again after the model changed: nothing is lost or mixed, and it can be paused, cancelled, gone on with."""

import datetime as dt
import uuid
from collections.abc import Awaitable, Callable, Sequence

import psycopg
import pytest

from core.access import Role, User
from core.errors import BadRequest, Conflict, ModelUnavailable, RetryLater
from core.indexes import reembed, reembed_plan
from core.operations import planning
from core.operations.approve import approve
from core.operations.cancel import cancel
from core.operations.detect import detect
from core.operations.kind import World
from core.operations.kinds import KINDS
from core.operations.pause import pause, resume
from core.operations.run import run_operation
from core.operations.running import Run
from core.operations.states import State
from core.pipeline.embed import embed_article, embed_by_job
from core.pipeline.models import Vectors
from core.pipeline.offline import OfflineEmbedder
from core.queries import articles, operation_lines, operations
from core.queries.operations import OperationRow
from core.queues import enqueue, generate_embeddings

ADA = User(None, "ada", Role.OPERATOR)
Models = Callable[[], dict[str, int]]


def after(done: int, act: Callable[[Run], Awaitable[None]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Does that as soon as so many articles are embedded."""
    kept = Run.keep

    async def keep(self: Run, **values: object) -> None:
        await kept(self, **values)
        if values.get("done") == done:
            await act(self)

    monkeypatch.setattr(Run, "keep", keep)


@pytest.fixture
def models(database_url: str, fill: Callable[[int], None]) -> Models:
    """Thirty articles by another model and ten not embedded; `models()` counts the chunks of each model."""
    fill(30)
    with psycopg.connect(database_url) as connection:
        connection.execute("update articles set embedding_model = 'old', text = 'Words about the weather in the town.'")
        connection.execute("update article_embeddings set model = 'old'")
        connection.execute(
            "insert into articles (feed_id, guid, title, content_hash)"
            " select id, 'new ' || n, 'New article ' || n, '' from feeds, generate_series(1, 10) n"
        )

    def count() -> dict[str, int]:
        with psycopg.connect(database_url) as connection:
            found = connection.execute("select model, count(distinct article_id) from article_embeddings group by 1")
            return dict(found.fetchall())

    return count


async def approved(world: World, **asked: object) -> OperationRow:
    row = await planning.plan(world, ADA, "cli", "embed articles", asked)
    return await approve(world, ADA, "cli", row.id, read_hash=row.plan_hash)


async def log_of(world: World, operation_id: uuid.UUID) -> str:
    async with world.database.session() as session:
        return "\n".join(line.text for line in await operation_lines.since(session, operation_id))


async def test_what_is_missing_or_of_another_model_is_embedded_by_the_active_one(world: World, models: Models) -> None:
    row = await approved(world)
    assert row.title == "Embed 40 articles by wordllama-256"
    assert (
        "30 articles embedded by old, which no search finds now and 10 articles not embedded at all" in row.plan.summary
    )
    assert "costs nothing" in row.plan.summary
    await run_operation(world, row.id, "worker 1")
    row = await planning.get(world, row.id)
    assert (row.state, row.outcome) == (State.DONE, "40 articles embedded by wordllama-256.")
    assert models() == {"wordllama-256": 40}
    assert "A search by the new vectors finds" in await log_of(world, row.id)
    with pytest.raises(Conflict, match="Every article is embedded by wordllama-256 already"):
        await planning.plan(world, ADA, "cli", "embed articles", {})


async def test_it_is_paused_and_gone_on_with_and_articles_keep_their_old_vectors_until_then(
    world: World, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = await approved(world)

    async def stop(run: Run) -> None:
        await pause(world, ADA, "browser", row.id)
        run.wish_for("pause")

    after(12, stop, monkeypatch)
    await run_operation(world, row.id, "worker 1")
    paused = await planning.get(world, row.id)
    assert (paused.state, paused.note) == (State.PAUSED, "paused by ada")
    # The articles that waited longest came first; each has whole vectors of one model.
    assert sum(models().values()) >= 30
    assert models()["wordllama-256"] == 12
    # What a cancel now would leave is said; and it can be gone on with.
    assert KINDS[row.kind].stays(paused) == (
        "12 articles embedded by wordllama-256 stay so; the others have what they had."
    )
    await resume(world, ADA, "browser", row.id)
    await run_operation(world, row.id, "worker 2")
    assert (await planning.get(world, row.id)).outcome == "40 articles embedded by wordllama-256."
    assert models() == {"wordllama-256": 40}


async def test_cancelled_it_keeps_what_was_embedded(
    world: World, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = await approved(world)

    async def stop(run: Run) -> None:
        await cancel(world, ADA, "browser", row.id)
        run.wish_for("cancel")

    after(8, stop, monkeypatch)
    await run_operation(world, row.id, "worker 1")
    row = await planning.get(world, row.id)
    assert row.state is State.CANCELLED
    assert row.outcome == (
        "Cancelled by ada. 8 articles embedded by wordllama-256 stay so; the others have what they had."
    )
    assert "Undone" not in await log_of(world, row.id)
    assert models()["wordllama-256"] == 8


@pytest.mark.usefixtures("models")
async def test_who_cancels_after_a_pause_was_wished_for_is_heard_and_not_the_other_way_round(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = await approved(world)

    async def stop(run: Run) -> None:
        await pause(world, ADA, "browser", row.id)
        # What this worker has heard by the time it stops, and what is wanted by then.
        run.wish_for("pause")
        await cancel(world, ADA, "browser", row.id)
        with pytest.raises(Conflict, match="ada has asked for a cancel already"):
            await pause(world, ADA, "browser", row.id)

    after(8, stop, monkeypatch)
    await run_operation(world, row.id, "worker 1")
    assert (await planning.get(world, row.id)).state is State.CANCELLED


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """No wait lasts; how long each would have."""
    seconds: list[float] = []

    async def at_once(self: Run, wait: float) -> None:
        self.check()
        if wait:
            seconds.append(wait)

    monkeypatch.setattr(Run, "pause", at_once)
    return seconds


class Moody:
    """The offline model, with trouble at the times that are told: numbers of its calls."""

    model = "wordllama-256"
    tokens = 0

    def __init__(self, trouble: Callable[[int], Exception | None]) -> None:
        self._trouble, self._calls, self._model = trouble, 0, OfflineEmbedder()
        self.paid: list[str] = []

    async def embed(self, texts: Sequence[str]) -> Vectors:
        self._calls += 1
        if error := self._trouble(self._calls):
            raise error
        self.paid += texts
        return await self._model.embed(texts)

    async def close(self) -> None:
        pass


async def test_a_service_that_asks_for_patience_at_any_step_is_waited_for_as_long_as_it_says(
    world: World, models: Models, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    def trouble(call: int) -> Exception | None:
        # The trial, the first batch, and the search at the end, each with more than the patience with a silent one.
        return RetryLater("Slow down.", retry_after=1_800.0) if call in {1, 3, 44} else None

    model = Moody(trouble)
    monkeypatch.setattr(reembed, "make_embedder", lambda settings: model)
    row = await approved(world)
    await run_operation(world, row.id, "worker 1")
    row = await planning.get(world, row.id)
    assert (row.state, row.outcome) == (State.DONE, "40 articles embedded by wordllama-256.")
    assert waits == [1_800.0] * 3


async def test_a_service_that_stays_away_is_asked_less_and_less_often_and_given_up_with_true_words(
    world: World, models: Models, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    def trouble(call: int) -> Exception | None:
        return ModelUnavailable("It cannot be reached.") if call > 5 else None

    model = Moody(trouble)
    monkeypatch.setattr(reembed, "make_embedder", lambda settings: model)
    row = await approved(world)
    await run_operation(world, row.id, "worker 1")
    row = await planning.get(world, row.id)
    assert (row.state, row.outcome) == (
        State.FAILED,
        "It cannot be reached. 4 articles embedded by wordllama-256 stay so; the others have what they had.",
    )
    assert waits[:5] == [5.0, 10.0, 20.0, 40.0, 60.0]
    assert 500 < sum(waits) <= 600


async def test_nobody_pays_twice_for_an_article_that_a_job_and_the_operation_both_want(
    world: World, models: Models, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(database_url) as connection:
        (jobs,) = connection.execute("select id from articles where embedding_model is null limit 1").fetchone()
        connection.execute("update articles set updated_at = now() - interval '1 hour'")
    await enqueue(world.redis, generate_embeddings(jobs))
    model, later = Moody(lambda call: None), dt.datetime.now(dt.UTC)
    monkeypatch.setattr(reembed, "make_embedder", lambda settings: model)
    seen = []

    async def embed(article_id: uuid.UUID, **given: object) -> int:
        seen.append(article_id)
        # A job that was sent now: it finds that the operation has the article in hand.
        assert await embed_by_job(article_id, database=world.database, embedder=model) == 0
        async with world.database.session() as session:
            assert await articles.to_embed(session, model.model, later, 100) == ()
        return await embed_article(article_id, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(reembed, "embed_article", embed)
    row = await approved(world)
    await run_operation(world, row.id, "worker 1")
    assert (await planning.get(world, row.id)).outcome == (
        "39 articles embedded by wordllama-256. 1 article left to jobs that wait in the queue embed."
    )
    assert len(seen) == len(set(seen)) == 39
    assert jobs not in seen
    assert len(model.paid) == 39 + 2
    async with world.database.session() as session:
        assert await articles.to_embed(session, model.model, later, 100) == (jobs,)
    assert await embed_by_job(jobs, database=world.database, embedder=model) == 1


async def test_a_rate_is_kept(world: World, models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    row = await approved(world, per_minute=60)
    assert "at most 60 articles a minute" in row.plan.duration
    waits: list[float] = []

    async def wait(self: Run, seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(Run, "pause", wait)
    await run_operation(world, row.id, "worker 1")
    # Four articles, a second each, less what they took.
    assert len(waits) == 10
    assert all(seconds <= 4 for seconds in waits)
    assert max(waits) > 0


async def test_a_rate_that_is_no_number_is_refused(world: World, models: Models) -> None:
    for wrong in (-1, "many", 10**9):
        with pytest.raises(BadRequest, match="Articles a minute"):
            await planning.plan(world, ADA, "cli", "embed articles", {"per_minute": wrong})


async def test_articles_that_a_model_refuses_are_left_as_they_are_named_and_not_proposed_again(
    world: World, models: Models, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = 0

    async def embed(article_id: uuid.UUID, **given: object) -> int:
        nonlocal refused
        if refused < 2:
            refused += 1
            raise Conflict("The article changed each time while it was being embedded.")
        return await embed_article(article_id, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(reembed, "embed_article", embed)
    row = await approved(world)
    await run_operation(world, row.id, "worker 1")
    row = await planning.get(world, row.id)
    assert (row.state, row.outcome) == (
        State.DONE,
        "38 articles embedded by wordllama-256. 2 articles could not be: the log says why.",
    )
    assert "is left as it is: The article changed" in await log_of(world, row.id)
    # A person knows by now: they are not proposed again, and what the model has not refused yet is.
    await detect(world)
    async with world.database.session() as session:
        assert await operations.proposed(session) == ()
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "update articles set embedding_model = 'old' where id ="
            " (select id from articles where embedding_model = 'wordllama-256' limit 1)"
        )
    await detect(world)
    async with world.database.session() as session:
        assert len(await operations.proposed(session)) == 1


async def test_an_article_at_which_the_service_always_fails_holds_up_no_other(
    world: World, models: Models, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(database_url) as connection:
        (cursed,) = connection.execute("select id from articles limit 1").fetchone()

    async def embed(article_id: uuid.UUID, **given: object) -> int:
        if article_id == cursed:
            raise ModelUnavailable("It answered 500.")
        return await embed_article(article_id, **given)  # type: ignore[arg-type]

    async def at_once(self: Run, seconds: float) -> None:
        self.check()

    monkeypatch.setattr(reembed, "embed_article", embed)
    monkeypatch.setattr(Run, "pause", at_once)
    row = await approved(world)
    await run_operation(world, row.id, "worker 1")
    row = await planning.get(world, row.id)
    assert (row.state, row.outcome) == (
        State.DONE,
        "39 articles embedded by wordllama-256. 1 article could not be: the log says why.",
    )


async def test_it_is_proposed_when_the_model_changed_and_withdrawn_when_all_is_embedded(
    world: World, models: Models, database_url: str
) -> None:
    await detect(world)
    async with world.database.session() as session:
        (row,) = await operations.proposed(session)
    assert (row.kind, row.cause) == ("embed articles", "embedded by another model")
    with psycopg.connect(database_url) as connection:
        connection.execute("update articles set embedding_model = 'wordllama-256'")
    await detect(world)
    assert (await planning.get(world, row.id)).state is State.WITHDRAWN


def test_the_cost_is_said_in_tokens_and_money() -> None:
    count = reembed_plan.tokens(100_000, 3_200)
    assert count == 100_000_000
    assert reembed_plan.cost("text-embedding-3-small", count, priced=True) == "about $2.00"
    assert reembed_plan.cost("text-embedding-3-large", count, priced=True) == "about $13.00"
    assert reembed_plan.cost("text-embedding-3-small", 10, priced=True) == "less than $0.01"
    assert reembed_plan.cost("text-embedding-3-small", count, priced=False) == "a price that is not known here"
    assert reembed_plan.cost("wordllama-256", count, priced=False) == "nothing: the model runs on this machine"

"""What a person does at the failed-jobs desk, on the real servers."""

import asyncio
import dataclasses
import datetime as dt
import uuid

import pytest
from sqlalchemy import text

from core.access import Role, User
from core.errors import BadRequest, Conflict, Forbidden
from core.failed_jobs import cancel, edit, plan, skip_canary
from core.failed_jobs.filter import Filter
from core.queries import failed_list
from core.queues import connect, outbox

NOW = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)
ANNA = User(id=None, name="anna", role=Role.OPERATOR)
BERT = User(id=None, name="bert", role=Role.OPERATOR)
VERA = User(id=None, name="vera", role=Role.VIEWER)


async def records(world) -> list[tuple[str, str, str]]:
    async with world.database.session() as session:
        rows = await session.execute(text("select actor, action, outcome from records order by id"))
        return [tuple(row) for row in rows]


async def test_a_retried_job_leaves_the_list_and_reports_its_outcome(world) -> None:
    (key,) = await world.fail_many(1)
    begun = await world.retry(Filter(ids=await world.ids()))
    assert begun.sentence == "1 job is on its way."
    assert await world.rows() == ()
    assert [row.resolved_by for row in await world.rows(Filter(state="retried"))] == ["anna"]
    assert await world.work() == [key]
    after = await world.action(begun.action.id)
    assert (after.succeeded, after.failed_again, after.on_their_way) == (1, 0, 0)
    assert [row.state for row in await world.rows(Filter(state="succeeded"))] == ["succeeded"]
    assert await records(world) == [("anna", "retry jobs", "done")]


async def test_a_retried_job_that_fails_again_comes_back_with_its_whole_story(world) -> None:
    await world.fail_many(1)
    begun = await world.retry(Filter(ids=await world.ids()))
    await world.work(lambda _: False)
    (row,) = await world.rows()
    assert (row.state, row.attempts) == ("open", 2)
    after = await world.action(begun.action.id)
    assert (after.succeeded, after.failed_again) == (0, 1)
    assert [row.id for row in await world.rows(Filter(action=begun.action.id))] == [row.id]


async def test_a_job_is_sent_again_as_it_was_sent(world) -> None:
    await world.fail(
        key="t9", task="resize", args=[1], kwargs={"fast": True}, labels={"queue_name": "embed", "timeout": 5}
    )
    sent = []
    await world.retry(Filter(ids=await world.ids()))
    await world.work(lambda message: bool(sent.append(message)) or True)
    (message,) = sent
    assert (message["task_name"], message["args"], message["kwargs"]) == ("resize", [1], {"fast": True})
    # Without a key of its own it runs under that of its row, so that its end is known.
    assert message["labels"] == {"timeout": 5, "queue_name": "embed", "job_key": "t9"}


async def test_two_people_retry_the_same_jobs_at_once_and_each_job_runs_once(world) -> None:
    keys = await world.fail_many(40)
    chosen = Filter(ids=await world.ids())
    answers = await asyncio.gather(world.retry(chosen), world.retry(chosen, user=BERT), return_exceptions=True)
    taken = [0 if isinstance(answer, Conflict) else answer.action.taken for answer in answers]
    assert sum(taken) == 40
    assert sorted(await world.work()) == sorted(keys)


async def test_what_someone_else_settled_meanwhile_is_said(world) -> None:
    await world.fail_many(3)
    ids = await world.ids()
    await world.retry(Filter(ids=ids[:2]), user=BERT)
    assert (await world.discard(Filter(ids=ids))).sentence == "1 job is discarded; 2 others were settled already."
    with pytest.raises(Conflict, match="someone may have settled it"):
        await world.retry(Filter(ids=ids))


async def test_a_viewer_may_look_and_not_touch(world) -> None:
    await world.fail_many(1)
    with pytest.raises(Forbidden):
        await world.retry(Filter(), user=VERA)
    assert len(await world.rows()) == 1
    assert await records(world) == [("vera", "retry jobs", "refused")]


async def test_discarded_jobs_can_be_brought_back(world) -> None:
    await world.fail_many(3)
    ids = await world.ids()
    begun = await world.discard(Filter(ids=ids[:2]))
    assert await world.ids() == ids[2:]
    assert (await world.undo(begun.action.id)).sentence == "2 jobs are back."
    assert await world.ids() == ids
    assert await world.work() == []


async def test_a_discarded_job_that_failed_anew_is_not_brought_back_beside_itself(world) -> None:
    key = await world.fail()
    first = await world.discard(Filter(ids=await world.ids()))
    await world.fail(key=key)
    with pytest.raises(Conflict):
        await world.undo(first.action.id)
    await world.discard(Filter(ids=await world.ids()))
    with pytest.raises(Conflict):
        await world.undo(first.action.id)
    assert await world.rows() == ()


async def test_a_retry_while_redis_is_away_is_sent_when_it_is_back(world) -> None:
    (key,) = await world.fail_many(1)
    nowhere = dataclasses.replace(world, redis=connect("redis://127.0.0.1:1/0"))
    assert (await nowhere.retry(Filter(ids=await world.ids()))).is_done
    await nowhere.redis.aclose()
    assert await world.work() == []
    await outbox.relay(world.database, world.redis)
    assert await world.work() == [key]


class TestEditing:
    async def edit(self, world, *args: object, **kwargs: object) -> object:
        (row,) = await world.rows()
        return await edit.edit(world.database, world.redis, ANNA, "browser", row.id, args=args, kwargs=kwargs, now=NOW)

    async def test_a_job_runs_with_its_new_arguments_and_its_story_goes_on(self, world) -> None:
        await world.fail()
        new = str(uuid.uuid4())
        await self.edit(world, new)
        assert await world.work(lambda _: False) == [f"generate_embeddings:{new}"]
        (row,) = await world.rows()
        assert (row.args, row.attempts) == ([new], 2)

    @pytest.mark.parametrize(
        ("args", "kwargs", "said"),
        [
            (("12",), {}, "article_id is the id (UUID) of an article, not '12'."),
            ((12,), {}, "article_id is the id (UUID) of an article, not 12."),
            ((), {}, "generate_embeddings needs article_id."),
            (("a", "b"), {}, "generate_embeddings takes 1 argument (article_id), not 2."),
            (("[redacted]",), {}, "Where it says [redacted], a secret is not shown: write the value itself there."),
            ((), {"id": "a"}, "generate_embeddings has no parameter 'id': it takes article_id."),
        ],
    )
    async def test_arguments_that_the_task_does_not_take_are_refused_in_one_sentence(
        self, world, args: tuple[object, ...], kwargs: dict[str, object], said: str
    ) -> None:
        await world.fail()
        with pytest.raises(BadRequest) as refusal:
            await self.edit(world, *args, **kwargs)
        assert str(refusal.value) == said
        assert (await world.work(), len(await world.rows())) == ([], 1)

    async def test_arguments_of_another_failed_job_are_refused(self, world) -> None:
        other = await world.fail(key=f"generate_embeddings:{uuid.uuid4()}")
        await world.retry(Filter())
        await world.fail()
        with pytest.raises(Conflict, match="Another failed job has these arguments"):
            await self.edit(world, other.partition(":")[2])


class TestManyJobs:
    async def test_the_first_five_go_ahead_and_the_rest_follows_when_they_succeed(self, world) -> None:
        keys = await world.fail_many(60)
        begun = await world.retry(Filter())
        assert (
            begun.sentence == "60 jobs are retried in the background: 5 go first, and the rest if all of them succeed."
        )
        await world.run(begun.action.id)
        assert await world.work() == keys[:5]
        assert await world.run(begun.action.id, patience=30)
        assert sorted(await world.work()) == sorted(keys[5:])
        after = await world.action(begun.action.id)
        assert (after.state, after.taken, after.succeeded) == ("done", 60, 60)

    async def test_one_of_the_first_five_fails_again_and_the_rest_is_left_alone(self, world) -> None:
        keys = await world.fail_many(60)
        begun = await world.retry(Filter())
        await world.run(begun.action.id)
        await world.work(lambda message: message["labels"]["job_key"] != keys[2])
        assert await world.run(begun.action.id, patience=30)
        after = await world.action(begun.action.id)
        assert after.state == "stopped"
        assert after.reason == (
            "1 of the first 5 jobs failed again: RateLimitError: 429 requests per minute exceeded. "
            "The other 55 were left alone."
        )
        assert (len(await world.rows()), await world.work()) == (56, [])

    async def test_a_person_need_not_wait_for_the_first_five(self, world) -> None:
        await world.fail_many(60)
        begun = await world.retry(Filter())
        await world.run(begun.action.id)
        await skip_canary.skip_canary(world.database, ANNA, "browser", begun.action.id)
        assert await world.run(begun.action.id, patience=30)
        assert len(await world.work()) == 60

    async def test_killed_at_any_step_it_loses_and_doubles_nothing(self, world, monkeypatch) -> None:
        monkeypatch.setattr("core.failed_jobs.step.AT_ONCE", 10)
        keys = await world.fail_many(95)
        begun = await world.retry(Filter(), canary=0)
        for _ in range(5):
            running = asyncio.create_task(world.run(begun.action.id, patience=30))
            await asyncio.sleep(0)
            before = (await world.action(begun.action.id)).taken
            while (await world.action(begun.action.id)).taken == before and not running.done():
                await asyncio.sleep(0)
            running.cancel()
            await asyncio.wait({running})
        assert await world.run(begun.action.id, patience=30)
        assert (await world.action(begun.action.id)).taken == 95
        await outbox.relay(world.database, world.redis)
        assert sorted(await world.work()) == sorted(keys)

    async def test_two_who_run_it_take_turns(self, world, monkeypatch) -> None:
        monkeypatch.setattr("core.failed_jobs.step.AT_ONCE", 10)
        keys = await world.fail_many(95)
        begun = await world.retry(Filter(), canary=0)
        while (await world.action(begun.action.id)).finished_at is None:
            await asyncio.gather(*(world.run(begun.action.id, patience=30) for _ in range(3)))
        assert sorted(await world.work()) == sorted(keys)

    async def test_what_fails_again_meanwhile_is_not_retried_in_a_circle(self, world, monkeypatch) -> None:
        monkeypatch.setattr("core.failed_jobs.step.AT_ONCE", 20)
        await world.fail_many(60)
        begun = await world.retry(Filter(), canary=0)
        while not await world.run(begun.action.id):
            await world.work(lambda _: False)
        await world.work(lambda _: False)
        after = await world.action(begun.action.id)
        assert (after.taken, after.failed_again, len(await world.rows())) == (60, 60, 60)

    async def test_a_rate_is_kept(self, world) -> None:
        await world.fail_many(60)
        begun = await world.retry(Filter(), canary=0, rate=20)
        assert not await world.run(begun.action.id)
        assert (await world.action(begun.action.id)).taken == 20
        assert not await world.run(begun.action.id)
        assert (await world.action(begun.action.id)).taken == 20

    async def test_it_can_be_cancelled_and_says_by_whom(self, world) -> None:
        await world.fail_many(60)
        begun = await world.retry(Filter(), canary=0, rate=20)
        await world.run(begun.action.id)
        ended = await cancel.cancel(world.database, BERT, "browser", begun.action.id, now=NOW)
        assert (ended.state, ended.reason) == ("cancelled", "bert cancelled it after 20 of 60 jobs.")
        assert await world.run(begun.action.id)
        assert len(await world.rows()) == 40
        with pytest.raises(Conflict):
            await cancel.cancel(world.database, BERT, "browser", begun.action.id, now=NOW)

    async def test_many_are_discarded_and_brought_back(self, world) -> None:
        await world.fail_many(120)
        begun = await world.discard(Filter(task="generate_embeddings"))
        assert begun.sentence == "120 jobs are discarded in the background."
        await world.run(begun.action.id, patience=30)
        assert await world.rows() == ()
        back = await world.undo(begun.action.id)
        await world.run(back.action.id, patience=30)
        assert len(await world.rows()) == 120

    async def test_a_search_reaches_every_job_that_says_so(self, world, monkeypatch) -> None:
        monkeypatch.setattr("core.queries.failed_take._WINDOW", 30)
        monkeypatch.setattr("core.failed_jobs.step.AT_ONCE", 25)
        await world.fail_many(100)
        for n in range(60):
            await world.fail(message=f"host {n} is away", cause="g" * 16)
            await world.fail()
        begun = await world.retry(Filter(text="is away"), canary=0)
        assert await world.run(begun.action.id, patience=30)
        assert (await world.action(begun.action.id)).taken == 60
        assert len(await world.rows()) == 160


class TestBeforehand:
    async def test_a_plan_says_what_it_would_touch_and_touches_nothing(self, world) -> None:
        await world.fail_many(55)
        await world.fail(cause="g" * 16, exception="TimeoutError")
        found = await plan.plan(world.database, VERA, Filter())
        assert found.sentence == "56 jobs: 5 go first, and the rest in the background if all of them succeed."
        assert [(share.exception, share.number) for share in found.shares] == [
            ("RateLimitError", 55),
            ("TimeoutError", 1),
        ]
        assert len(await world.rows()) == 56

    async def test_what_cannot_be_read_is_not_sent_again(self, world) -> None:
        await world.fail(task="(unreadable)", exception="Unreadable")
        with pytest.raises(Conflict):
            await world.retry(Filter())
        await world.discard(Filter())

    async def test_a_job_is_found_by_what_it_is_about_however_old_it_is(self, world, monkeypatch) -> None:
        monkeypatch.setattr(failed_list, "WINDOW", 10)
        key = await world.fail()
        await world.fail_many(30)
        found = await plan.plan(world.database, VERA, Filter(text=key.partition(":")[2]))
        assert str(found.total) == "1"

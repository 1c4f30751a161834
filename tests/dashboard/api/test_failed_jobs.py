"""The jobs that gave up, through the API."""

import csv
import datetime as dt
import io
import uuid
from typing import TYPE_CHECKING

from core.access import Role
from core.failed_jobs import Failure, attempt_of, fingerprint
from core.queries import failed_jobs

if TYPE_CHECKING:
    from tests.dashboard.conftest import Site

NOBODY = "00000000-0000-4000-8000-000000000000"
JOBS = "/api/v1/failed-jobs"


def failure(error: Exception) -> Failure:
    now, article = dt.datetime.now(dt.UTC), str(uuid.uuid4())
    attempt = attempt_of(error, at=now, worker="box:1", duration_s=0.5)
    return Failure(
        task_id=uuid.uuid4().hex,
        key=f"generate_embeddings:{article}",
        task="generate_embeddings",
        queue="embed",
        args=[article],
        kwargs={},
        labels={"job_key": f"generate_embeddings:{article}"},
        attempts=[attempt],
        exception=attempt.exception,
        message=attempt.message,
        fingerprint=fingerprint(attempt.exception, attempt.message, attempt.frame),
        reason="gave up after 4 attempts",
        deliveries=4,
        failed_at=now,
    )


async def fail(site: "Site", *errors: Exception) -> list[str]:
    ids = []
    for error in errors:
        async with site.context.database.session() as session:
            ids.append(str(await failed_jobs.record(session, failure(error))))
    return ids


async def test_failed_jobs_are_listed_in_pages_grouped_shown_and_exported(site: "Site") -> None:
    slow, slower, other = await fail(site, TimeoutError("took 12 s"), TimeoutError("took 99 s"), ValueError("=1+1"))
    api = await site.program()
    first = (await api.get(JOBS, params={"limit": 2})).json()
    rest = (await api.get(JOBS, params={"limit": 2, "after": first["next"]})).json()
    assert [job["id"] for job in first["items"] + rest["items"]] == [other, slower, slow]
    groups = (await api.get(f"{JOBS}/groups")).json()
    assert [(group["exception"], group["count"]) for group in groups] == [("TimeoutError", 2), ("ValueError", 1)]
    narrow = (await api.get(JOBS, params={"cause": groups[0]["fingerprint"], "since": "1h"})).json()
    assert {job["id"] for job in narrow["items"]} == {slow, slower}
    assert (await api.get(f"{JOBS}/{slow}")).json()["attempts"][0]["message"] == "took 12 s"
    assert (await api.get(f"{JOBS}/{NOBODY}")).status_code == 404
    assert (await api.get(JOBS, params={"since": "yesterday-ish"})).status_code == 422
    told = (await api.get(f"{JOBS}/export")).json()
    assert {job["id"] for job in told} == {slow, slower, other}
    rows = list(csv.DictReader(io.StringIO((await api.get(f"{JOBS}/export", params={"form": "csv"})).text)))
    assert "'=1+1" in {row["message"] for row in rows}


async def test_jobs_are_retried_discarded_and_brought_back(site: "Site") -> None:
    one, two, three = await fail(site, TimeoutError("took 12 s"), TimeoutError("took 99 s"), ValueError("x"))
    api = await site.program(Role.OPERATOR)
    assert (await api.post(f"{JOBS}/plan", json={"everything": True})).json()["total"]["value"] == 3
    retried = await api.post(f"{JOBS}/retry", json={"ids": [one]})
    assert (retried.status_code, retried.json()["sentence"]) == (202, "1 job is on its way.")
    discarded = (await api.post(f"{JOBS}/discard", json={"text": "took"})).json()
    assert discarded["action"]["taken"] == 1
    action = discarded["action"]["id"]
    assert (await api.get(f"{JOBS}/actions/{action}")).json()["state"] == "done"
    assert [a["verb"] for a in (await api.get(f"{JOBS}/actions")).json()] == ["discard", "retry"]
    assert {job["id"] for job in (await api.get(JOBS)).json()["items"]} == {three}
    assert (await api.post(f"{JOBS}/actions/{action}/undo")).status_code == 202
    assert {job["id"] for job in (await api.get(JOBS)).json()["items"]} == {two, three}
    assert (await api.post(f"{JOBS}/actions/{action}/cancel")).status_code == 409
    assert (await api.post(f"{JOBS}/actions/{action}/skip-canary")).status_code == 409
    new = str(uuid.uuid4())
    assert (await api.post(f"{JOBS}/{two}/edit", json={"args": [new]})).status_code == 202
    assert (await api.post(f"{JOBS}/{three}/edit", json={"args": []})).status_code == 422


async def test_nothing_said_is_a_mistake_and_not_everything(site: "Site") -> None:
    await fail(site, ValueError("x"))
    api = await site.program(Role.OPERATOR)
    for verb in ("plan", "retry", "discard", "reopen"):
        for said in ({}, {"everything": True, "task": "crawl_feed"}, {"tsak": "crawl_feed"}, {"state": "gone"}):
            assert (await api.post(f"{JOBS}/{verb}", json=said)).status_code == 422, (verb, said)
    assert len((await api.get(JOBS)).json()["items"]) == 1

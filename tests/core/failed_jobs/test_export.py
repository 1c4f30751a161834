"""Failed jobs leave as files."""

import csv
import io
import json

import pytest

from core.access import Role, User
from core.errors import NotLoggedIn
from core.failed_jobs import export
from core.failed_jobs.filter import Filter

VERA = User(id=None, name="vera", role=Role.VIEWER)


async def text(parts) -> str:
    return "".join([part async for part in parts])


async def test_a_csv_has_every_job_that_matches_and_no_formula(world, monkeypatch) -> None:
    monkeypatch.setattr(export, "_PAGE", 10)
    await world.fail_many(25)
    await world.fail(message='=HYPERLINK("http://example.org")', cause="g" * 16)
    rows = list(csv.DictReader(io.StringIO(await text(export.as_csv(world.database, VERA, Filter())))))
    assert len(rows) == 26
    assert rows[0]["message"] == '\'=HYPERLINK("http://example.org")'
    assert rows[1]["exception"] == "RateLimitError"
    assert json.loads(rows[1]["args"]) == [rows[1]["args"][2:-2]]


async def test_a_json_has_every_attempt(world) -> None:
    key = await world.fail()
    await world.fail(key=key)
    (job,) = json.loads(await text(export.as_json(world.database, VERA, Filter())))
    assert [attempt["traceback"] for attempt in job["attempts"]] == ["RateLimitError: 429"] * 2
    assert json.loads(await text(export.as_json(world.database, VERA, Filter(task="other")))) == []


async def test_a_stranger_gets_nothing(world) -> None:
    with pytest.raises(NotLoggedIn):
        await text(export.as_csv(world.database, None, Filter()))

"""The index, migrations and operations, through the API."""

from typing import TYPE_CHECKING

import psycopg
import pytest

from core.access import Role

if TYPE_CHECKING:
    from tests.dashboard.conftest import Site

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def one_vector(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("insert into feeds (url) values ('http://example.org')")
        connection.execute("insert into articles (feed_id, guid, content_hash) select id, '1', '' from feeds")
        connection.execute(
            "insert into article_embeddings (article_id, chunk_index, content, embedding, model)"
            " select id, 0, '', array_fill(0.1, array[1536])::vector, 'wordllama-256' from articles"
        )


@pytest.mark.usefixtures("one_vector")
async def test_a_rebuild_is_planned_read_approved_and_followed(site: "Site") -> None:
    otto = await site.browser(Role.OPERATOR)
    draft = await otto.post("/api/v1/index/plan", json={"lists": 7})
    assert draft.status_code == 200, draft.text
    assert draft.json()["plan"]["title"].endswith("IVFFlat, lists 7")
    assert draft.json()["choices"][0]["shape"]["lists"] == 100
    anew = await otto.post("/api/v1/index/reembed", json={"per_minute": 60})
    assert anew.json()["title"] == "Embed 1 article by wordllama-256"
    assert (await otto.post(f"/api/v1/operations/{anew.json()['id']}/cancel")).json()["state"] == "cancelled"
    made = (await otto.post("/api/v1/index/rebuild", json={"lists": 7})).json()
    assert made["state"] == "proposed"
    here = f"/api/v1/operations/{made['id']}"
    wrong = await otto.post(f"{here}/approve", json={"plan_hash": "another"})
    assert wrong.status_code == 409
    assert wrong.headers["content-type"].startswith("application/problem+json")
    done = await otto.post(f"{here}/approve", json={"plan_hash": made["plan_hash"]})
    assert done.json()["state"] == "approved"
    assert [line["text"] for line in (await otto.get(f"{here}/log")).json()] == ["Approved by a-operator."]
    note = await otto.get(f"{here}/note")
    assert note.headers["content-type"].startswith("text/markdown")
    assert note.text.startswith("## Build idx_embeddings_vector")
    assert (await otto.get("/api/v1/operations?state=approved")).json()["items"][0]["id"] == made["id"]
    assert (await otto.post(f"{here}/cancel")).json()["state"] == "cancelled"


async def test_a_viewer_reads_and_changes_nothing(site: "Site") -> None:
    vera = await site.browser(Role.VIEWER)
    for path in ("index", "migrations", "operations"):
        answer = await vera.get(f"/api/v1/{path}")
        assert answer.status_code == 200, answer.text
    assert (await vera.get("/api/v1/index")).json()["table"]["indexes"] == []
    for path, body in (
        ("index/rebuild", {}),
        ("index/recall", None),
        ("index/reembed", {}),
        ("index/drop", {"index": "ix_articles_newest"}),
        ("migrations/upgrade", {"revision": "head"}),
        ("migrations/downgrade", {"revision": "-1"}),
        (f"operations/{NOBODY}/approve", {"plan_hash": "x"}),
        (f"operations/{NOBODY}/cancel", None),
        (f"operations/{NOBODY}/pause", None),
        (f"operations/{NOBODY}/resume", None),
    ):
        assert (await vera.post(f"/api/v1/{path}", json=body)).status_code == 403, path


async def test_an_index_that_a_broken_build_left_is_dropped_and_no_other_one(site: "Site", database_url: str) -> None:
    otto = await site.browser(Role.OPERATOR)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("insert into feeds (url) values ('http://example.org/a'), ('http://example.org/b')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("create unique index concurrently left_over on feeds (enabled)")
    assert [each["name"] for each in (await otto.get("/api/v1/index")).json()["invalid"]] == ["left_over"]
    made = await otto.post("/api/v1/index/drop", json={"index": "left_over"})
    assert (made.status_code, made.json()["title"]) == (201, "Drop the invalid index left_over")
    assert (await otto.post("/api/v1/index/drop", json={"index": "pk_feeds"})).status_code == 409


async def test_what_is_not_there_is_said_so(site: "Site") -> None:
    otto = await site.browser(Role.OPERATOR)
    assert (await otto.get(f"/api/v1/operations/{NOBODY}")).status_code == 404
    assert (await otto.post("/api/v1/index/recall")).status_code == 409
    assert (await otto.post("/api/v1/index/rebuild", json={"colour": "red"})).status_code == 422
    assert (await otto.post("/api/v1/migrations/upgrade", json={"revision": "4711"})).status_code == 404


async def test_migrations_are_told_with_what_they_run(site: "Site") -> None:
    vera = await site.browser(Role.VIEWER)
    found = (await vera.get("/api/v1/migrations")).json()
    assert found["status"]["pending"] == []
    assert found["drift"] == []
    first = found["revisions"][0]
    assert first["applied"]
    assert any(sql.startswith("CREATE TABLE articles") for sql in first["sql"])

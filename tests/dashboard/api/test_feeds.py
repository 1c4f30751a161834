"""Feeds, articles, search and queues through the API."""

from typing import TYPE_CHECKING

import psycopg

from core import queues
from core.access import Role
from core.pipeline.embed import embed_article

if TYPE_CHECKING:
    from tests.dashboard.conftest import Site

NOBODY = "00000000-0000-4000-8000-000000000000"
OPML = """<?xml version="1.0"?><opml version="2.0"><head/><body>
<outline text="One" xmlUrl="https://feeds.example/one.xml"/>
<outline text="Two" xmlUrl="https://reader:secret@feeds.example/two.xml"/>
<outline type="rss" text="None"/></body></opml>"""


async def test_a_feed_is_added_changed_crawled_and_removed(site: "Site", database_url: str) -> None:
    api = await site.program(Role.OPERATOR)
    added = (await api.post("/api/v1/feeds", json={"urls": ["https://a.example/feed", "ftp://b.example"]})).json()
    (feed,) = added["created"]
    assert added["crawls"]["accepted"] == 1
    assert [refused["given"] for refused in added["refused"]] == ["ftp://b.example"]
    assert (await api.get(f"/api/v1/feeds/{feed}")).json()["url"] == "https://a.example/feed"
    changed = await api.patch(f"/api/v1/feeds/{feed}", json={"enabled": False, "interval_s": 600})
    assert (changed.json()["enabled"], changed.json()["interval_s"]) == (False, 600)
    assert (await api.patch(f"/api/v1/feeds/{feed}", json={"enabled": True})).json()["enabled"] is True
    assert "waited already" in (await api.post(f"/api/v1/feeds/{feed}/crawl")).json()["sentence"]
    assert (await api.post("/api/v1/feeds/crawl")).status_code == 202
    assert (await api.delete(f"/api/v1/feeds/{feed}")).status_code == 204
    assert (await api.get(f"/api/v1/feeds/{feed}")).status_code == 404
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "select distinct actor, face, address, outcome from records where face = 'api'"
        ).fetchall()
    assert rows == [("token program", "api", "127.0.0.1", "done")]


async def test_a_long_list_comes_in_pages_that_neither_repeat_nor_skip(site: "Site") -> None:
    api = await site.program(Role.OPERATOR)
    wanted = [f"https://feeds.example/{n:02}" for n in range(7)]
    await api.post("/api/v1/feeds", json={"urls": wanted})
    seen: list[str] = []
    after: str | None = None
    while True:
        page = (await api.get("/api/v1/feeds", params={"limit": 3, **({"after": after} if after else {})})).json()
        seen += [feed["url"] for feed in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert seen == wanted
    for nonsense in ("x", "", "W10", "WzEsMl0", "WyJhIiwiYiJd"):
        assert (await api.get("/api/v1/feeds", params={"after": nonsense})).status_code == 422, nonsense


async def test_feeds_are_imported_and_exported_and_only_the_export_shows_passwords(site: "Site") -> None:
    api, viewer = await site.program(Role.OPERATOR), await site.browser(Role.VIEWER)
    imported = (await api.post("/api/v1/feeds/import", content=OPML)).json()
    assert len(imported["created"]) == 2
    assert [refused["reason"] for refused in imported["refused"]] == ["It has no xmlUrl."]
    listed = await viewer.get("/api/v1/feeds")
    assert "https://feeds.example/two.xml" in listed.text
    assert "secret" not in listed.text
    assert (await viewer.get("/api/v1/feeds/export")).status_code == 403
    exported = await api.get("/api/v1/feeds/export")
    assert "reader:secret@feeds.example" in exported.text
    assert exported.headers["content-disposition"] == 'attachment; filename="signalist.opml"'
    assert (await api.post("/api/v1/feeds/import", content="<html>")).status_code == 422


async def test_articles_are_listed_shown_found_and_redone(site: "Site", database_url: str) -> None:
    api = await site.program(Role.OPERATOR)
    (feed,) = (await api.post("/api/v1/feeds", json={"urls": ["https://a.example/"]})).json()["created"]
    with psycopg.connect(database_url) as connection:
        for n, title in enumerate(("Compilers that optimise loops", "Bread and how to bake it", "A cat")):
            connection.execute(
                "insert into articles (feed_id, guid, title, text, content_hash) values (%s, %s, %s, %s, '')",
                (feed, str(n), title, f"{title}. " * 20),
            )
        ids = [row[0] for row in connection.execute("select id from articles").fetchall()]
    for id_ in ids:
        await embed_article(id_, database=site.context.database, embedder=site.context.embedder)
    first = (await api.get("/api/v1/articles", params={"limit": 2})).json()
    rest = (await api.get("/api/v1/articles", params={"limit": 2, "after": first["next"]})).json()
    assert {a["id"] for a in first["items"] + rest["items"]} == {str(id_) for id_ in ids}
    assert rest["next"] is None
    hits = (await api.get("/api/v1/search", params={"words": "optimising compilers", "limit": 2})).json()
    assert hits[0]["title"] == "Compilers that optimise loops"
    shown = (await api.get(f"/api/v1/articles/{hits[0]['article_id']}")).json()
    assert shown["text"].startswith("Compilers that optimise loops.")
    assert (await api.post(f"/api/v1/articles/{shown['id']}/embed")).json()["sentence"].startswith("Queued")
    assert (await api.post(f"/api/v1/articles/{shown['id']}/summarise")).status_code == 202
    assert (await api.get("/api/v1/search", params={"words": "!"})).status_code == 422
    for answer in (await api.get(f"/api/v1/articles/{NOBODY}"), await api.post(f"/api/v1/articles/{NOBODY}/embed")):
        assert answer.status_code == 404


async def test_a_queue_is_paused_and_resumed(site: "Site") -> None:
    api = await site.program(Role.OPERATOR)

    async def paused() -> dict[str, bool]:
        return {queue["name"]: queue["paused"] for queue in (await api.get("/api/v1/queues")).json()}

    assert (await api.post("/api/v1/queues/crawl/pause")).status_code == 204
    assert await paused() == {"crawl": True, "embed": False, "summarise": False, "ops": False}
    assert (await api.post("/api/v1/queues/crawl/resume")).status_code == 204
    assert not any((await paused()).values())
    assert (await api.post("/api/v1/queues/nothing/pause")).status_code == 422


async def test_an_admin_who_repeats_its_name_purges_a_queue(site: "Site") -> None:
    operator, admin = await site.program(Role.OPERATOR), await site.program(Role.ADMIN)
    redis = site.context.redis
    await queues.enqueue(redis, queues.generate_embeddings("a"))
    await queues.enqueue(redis, queues.generate_embeddings("b"), delay=60)
    at = "/api/v1/queues/embed/purge"
    assert (await operator.post(at, json={"confirm": "embed"})).status_code == 403
    wrong = await admin.post(at, json={"confirm": "crawl"})
    assert (wrong.status_code, wrong.json()["detail"]) == (
        422,
        "Nothing was deleted: the name that was typed is not 'embed'.",
    )
    assert (await admin.post(at)).status_code == 422
    assert (await admin.post("/api/v1/queues/nothing/purge", json={"confirm": "nothing"})).status_code == 422
    assert (await admin.post(at, json={"confirm": "embed"})).json() == {"waiting": 1, "delayed": 1}
    assert (await admin.post(at, json={"confirm": "embed"})).json() == {"waiting": 0, "delayed": 0}


async def test_the_snapshot_says_what_every_screen_says(site: "Site") -> None:
    api = await site.program()
    await site.has_read()
    snapshot = (await api.get("/api/v1/snapshot")).json()
    assert snapshot["health"]["status"] in {"healthy", "degraded", "unhealthy"}
    assert snapshot["readings"]["feeds"]["value"]["total"] == 0

"""People, sessions, tokens and the record through the API."""

import csv
import io
from typing import TYPE_CHECKING

import httpx

from core.access import Role

if TYPE_CHECKING:
    from tests.dashboard.conftest import Site

PASSWORD = "correct horse battery staple"


async def test_an_admin_adds_changes_and_shuts_out_a_person(site: "Site") -> None:
    admin = await site.browser(Role.ADMIN, "ada")
    new = {"name": "Vera", "role": "viewer", "password": PASSWORD}
    assert (await admin.post("/api/v1/users", json=new)).status_code == 201
    assert (await admin.post("/api/v1/users", json=new)).status_code == 409
    vera = await site.browser(name="vera")
    changes = {"role": "operator", "password": "a wholly new password"}
    assert (await admin.patch("/api/v1/users/vera", json=changes)).status_code == 204
    assert (await vera.get("/api/v1/me")).status_code == 401
    assert (await admin.patch("/api/v1/users/vera", json={"enabled": False})).status_code == 204
    people = {row["name"]: row for row in (await admin.get("/api/v1/users")).json()}
    assert people["vera"]["role"] == "operator"
    assert people["vera"]["disabled_at"] is not None
    assert (await admin.patch("/api/v1/users/vera", json={"enabled": True})).status_code == 204
    assert (await admin.patch("/api/v1/users/nobody", json={"enabled": True})).status_code == 404
    assert (await admin.patch("/api/v1/users/ada", json={"role": "viewer"})).status_code == 409


async def test_an_admin_ends_a_session(site: "Site") -> None:
    admin, vera = await site.browser(Role.ADMIN, "ada"), await site.browser(name="vera")
    (session,) = [row for row in (await admin.get("/api/v1/sessions")).json() if row["user_name"] == "vera"]
    assert "token" not in str(session)
    assert (await admin.delete(f"/api/v1/sessions/{session['id']}")).status_code == 204
    assert (await admin.delete(f"/api/v1/sessions/{session['id']}")).status_code == 404
    assert (await vera.get("/api/v1/me")).status_code == 401


async def test_a_person_sees_and_ends_their_own_sessions_and_changes_their_password(site: "Site") -> None:
    here, there, elsewhere = [await site.browser(name="vera") for _ in range(3)]
    otto = await site.browser(name="otto")
    found = (await here.get("/api/v1/me/sessions")).json()
    assert [row["user_name"] for row in found] == ["vera"] * 3
    (his,) = (await otto.get("/api/v1/me/sessions")).json()
    assert (await here.delete(f"/api/v1/me/sessions/{his['id']}")).status_code == 403
    assert (await here.delete(f"/api/v1/sessions/{found[0]['id']}")).status_code == 403
    (mine,) = [row for row in (await there.get("/api/v1/me/sessions")).json() if row["id"] == found[1]["id"]]
    assert (await here.delete(f"/api/v1/me/sessions/{mine['id']}")).status_code == 204
    assert [(await browser.get("/api/v1/me")).status_code for browser in (here, there, elsewhere, otto)].count(401) == 1
    assert (await here.delete("/api/v1/me/sessions")).json() == {"ended": 1}
    assert [(await browser.get("/api/v1/me")).status_code for browser in (here, elsewhere, otto)] == [200, 401, 200]
    again = await site.browser(name="vera")
    wrong = await here.put("/api/v1/me/password", json={"old": "wrong", "new": "a wholly new password"})
    assert (wrong.status_code, wrong.json()["detail"]) == (422, "The old password is wrong.")
    changed = await here.put("/api/v1/me/password", json={"old": PASSWORD, "new": "a wholly new password"})
    assert changed.status_code == 204
    assert [(await browser.get("/api/v1/me")).status_code for browser in (here, again)] == [200, 401]
    program = await site.program()
    assert (await program.get("/api/v1/me/sessions")).json() == []
    assert (await program.put("/api/v1/me/password", json={"old": "", "new": PASSWORD})).status_code == 422


async def test_a_token_is_made_used_and_revoked(site: "Site") -> None:
    admin = await site.browser(Role.ADMIN)
    made = (await admin.post("/api/v1/tokens", json={"name": "ci", "role": "viewer", "days": 1})).json()
    program = await site.stranger(authorization=f"Bearer {made['secret']}")
    assert (await program.get("/api/v1/me")).json() == {"name": "token ci", "role": "viewer"}
    assert made["secret"] not in (await admin.get("/api/v1/tokens")).text
    assert (await admin.delete(f"/api/v1/tokens/{made['token']['id']}")).status_code == 204
    assert (await program.get("/api/v1/me")).status_code == 401


async def test_the_record_says_who_did_what_from_where_and_what_was_refused(site: "Site") -> None:
    viewer = await site.browser(Role.VIEWER, "vera")
    operator = await site.browser(Role.OPERATOR, "otto")
    await operator.post("/api/v1/queues/crawl/pause")
    await viewer.post("/api/v1/queues/crawl/resume")
    rows = (await operator.get("/api/v1/records", params={"limit": 2})).json()
    (newest, before) = rows["items"]
    assert (newest["actor"], newest["outcome"]) == ("vera", "refused")
    assert (before["actor"], before["face"], before["address"], before["action"], before["target"]) == (
        ("otto", "api", "127.0.0.1", "pause queue", "crawl")
    )
    older = (await operator.get("/api/v1/records", params={"after": rows["next"]})).json()
    assert {row["action"] for row in older["items"]} >= {"log in", "manage users"}
    # The page, the API and both files have the same filters.
    for asked, kind in (
        ({"actor": "vera", "action": "pause queue", "outcome": "refused", "text": "crawl"}, "pause queue"),
        ({"action": "log in", "until": "0s", "actor": "otto"}, "log in"),
    ):
        (row,) = (await operator.get("/api/v1/records", params=asked)).json()["items"]
        assert row["action"] == kind
        (same,) = (await operator.get("/api/v1/records/export", params=asked)).json()
        assert same == row
    page = {"actor": "vera", "action": "pause queue", "outcome": "refused", "within": "1", "q": "crawl"}
    exported = await operator.get("/record.csv", params=page)
    assert exported.headers["content-disposition"] == 'attachment; filename="record.csv"'
    (line,) = csv.DictReader(io.StringIO(exported.text))
    assert (line["actor"], line["outcome"], line["id"]) == ("vera", "refused", str(newest["id"]))
    assert (await operator.get("/record.json", params=page | {"until": "2001-01-01"})).json() == []
    for wrong in ({"since": "soon"}, {"action": "dance"}, {"outcome": "maybe"}, {"after": "x"}):
        assert (await operator.get("/api/v1/records", params=wrong)).status_code == 422, wrong
    for path in ("/api/v1/records", "/api/v1/records/export", "/record.csv", "/record.json"):
        assert (await viewer.get(path)).status_code == 403, path


async def test_every_error_is_a_problem_that_repeats_no_secret(site: "Site") -> None:
    admin = await site.browser(Role.ADMIN)
    answers: list[httpx.Response] = [
        await admin.get("/api/v1/nothing"),
        await admin.put("/api/v1/feeds"),
        await admin.post("/api/v1/users", content="{"),
        await admin.post("/api/v1/users", json={"name": "x", "role": "king", "password": "hunter2"}),
        await admin.post("/api/v1/users", json={"name": "x", "role": "viewer", "password": "hunter2"}),
        await admin.post("/api/v1/users", json={"name": "x", "role": "viewer", "password": ["hunter2"]}),
        await admin.post("/api/v1/users", json={"name": "x\u0000", "role": "viewer", "password": PASSWORD}),
        await admin.get("/api/v1/feeds", params={"text": "\u0000"}),
        await admin.get("/api/v1/feeds/nonsense"),
    ]
    assert [answer.status_code for answer in answers] == [404, 405, 422, 422, 422, 422, 422, 422, 422]
    for answer in answers:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["cache-control"] == "no-store"
        problem = answer.json()
        assert problem["status"] == answer.status_code
        assert problem["detail"]
        assert "hunter2" not in answer.text


async def test_the_description_names_a_role_and_a_kind_for_everything(site: "Site") -> None:
    admin = await site.browser(Role.ADMIN)
    described = (await admin.get("/api/openapi.json")).json()
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            assert operation["x-least-role"] in set(Role), (method, path)
            good = next(said for code, said in operation["responses"].items() if code.startswith("2"))
            schema = good.get("content", {}).get("application/json", {}).get("schema")
            assert schema != {}, (method, path)
            assert "application/problem+json" in operation["responses"]["422"]["content"]
    page = await admin.get("/api/")
    for path in described["paths"]:
        assert f"/api{path}" in page.text
    assert "<script" not in page.text
    assert "http://" not in page.text.replace("http://test", "")
    assert "https://" not in page.text

"""What nothing can hold, wherever the API takes a number or a text: refused, and never an error of ours."""

import json
from collections.abc import Iterator, Mapping
from itertools import product
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import psycopg
import pytest

from core.access import Role

if TYPE_CHECKING:
    from tests.dashboard.conftest import Site

# Beyond a double, a bigint and an integer of Postgres, and what JSON has no number for; as they are written in JSON.
NUMBERS = ("1" + "0" * 400, str(2**63), str(2**31), str(-(2**63) - 1), "-1", "Infinity", "NaN")
# What Postgres stores in no text, and what is no character.
TEXTS = (r'"\u0000"', r'"\ud800"', '"9999-12-31T23:59:59-23:59"', '"' + "x" * 20_000 + '"')
KINDS = {"integer": NUMBERS, "number": NUMBERS, "string": TEXTS, "array": [f"[{text}]" for text in TEXTS + NUMBERS]}
# A right value, for what is asked for beside the wrong one.
RIGHT = {"role": '"viewer"', "days": "1", "urls": '["http://example.org/feed"]'}

Schema = Mapping[str, Any]


@pytest.fixture
async def ids(site: "Site", database_url: str) -> dict[str, str]:
    """What is to stand in a path for a name in braces: things that are there."""
    with psycopg.connect(database_url) as connection:
        (feed,) = connection.execute("insert into feeds (url) values ('http://example.org') returning id").fetchone()
        (article,) = connection.execute(
            "insert into articles (feed_id, guid, content_hash) values (%s, '1', '') returning id", (feed,)
        ).fetchone()
        connection.execute(
            "insert into article_embeddings (article_id, chunk_index, content, embedding, model)"
            " values (%s, 0, '', array_fill(0.1, array[1536])::vector, 'wordllama-256')",
            (article,),
        )
        (job,) = connection.execute(
            "insert into failed_jobs (task_id, job_key, task, queue, args, kwargs, labels, attempts, exception,"
            " message, fingerprint, reason)"
            " values ('t', 'k', 'crawl_feed', 'crawl', '[]', '{}', '{}', '[]', 'E', 'm', 'f', 'r') returning id"
        ).fetchone()
    ada = await site.browser(Role.ADMIN)
    operation = (await ada.post("/api/v1/index/rebuild", json={})).json()["id"]
    found = {"feed_id": feed, "article_id": article, "job_id": job, "operation_id": operation, "name": "a-admin"}
    return {name: str(value) for name, value in found.items()}


@pytest.mark.parametrize("depth", [70, 300, 600, 900])
async def test_what_is_nested_too_deep_is_refused(site: "Site", ids: Mapping[str, str], depth: int) -> None:
    otto = await site.browser(Role.OPERATOR)
    for nested in ("[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth):
        answer = await otto.post(
            f"/api/v1/failed-jobs/{ids['job_id']}/edit",
            content=f'{{"args": [{nested}]}}',
            headers={"content-type": "application/json"},
        )
        assert answer.status_code == 422
        assert "nested deeper than 64 times" in answer.text


async def test_no_number_and_no_text_is_too_odd_for_an_answer(site: "Site", ids: Mapping[str, str]) -> None:
    ada = await site.browser(Role.ADMIN)
    described = (await ada.get("/api/openapi.json")).json()
    wrong = []
    for path, method, route in _routes(described):
        names = [each["name"] for each in route.get("parameters", ()) if each["in"] == "path"]
        here = f"/api{path}".format_map({name: ids.get(name, ids["feed_id"]) for name in names})
        for name, text in _query(route):
            said = quote(json.loads(text) if text[0] == '"' else text, errors="surrogatepass")
            answer = await ada.request(method, f"{here}?{name}={said}")
            wrong += [(answer.status_code, method, path, name, text[:20])] * (answer.status_code >= 500)
        for name, text, body in _bodies(route, described):
            answer = await ada.request(method, here, content=body, headers={"content-type": "application/json"})
            wrong += [(answer.status_code, method, path, name, text[:20])] * (answer.status_code >= 500)
    assert wrong == []


def _routes(described: Schema) -> Iterator[tuple[str, str, Schema]]:
    for path, methods in described["paths"].items():
        for method, route in methods.items():
            # Whoever is ended is the one that asks.
            if "sessions" not in path:
                yield path, method, route


def _query(route: Schema) -> Iterator[tuple[str, str]]:
    for each in route.get("parameters", ()):
        if each["in"] == "query":
            yield from product([each["name"]], _extremes(each["schema"]))


def _bodies(route: Schema, described: Schema) -> Iterator[tuple[str, str, str]]:
    """The name of what is wrong, what it is, and a body that is right but for it."""
    content = route.get("requestBody", {}).get("content", {}).get("application/json", {})
    schema = described["components"]["schemas"].get(content.get("schema", {}).get("$ref", "").rpartition("/")[2], {})
    needed = {name: RIGHT.get(name, '"otto.the.operator"') for name in schema.get("required", ())}
    for name, field in schema.get("properties", {}).items():
        for text in _extremes(field):
            fields = {**needed, name: text}
            yield name, text, "{" + ", ".join(f'"{key}": {value}' for key, value in fields.items()) + "}"


def _extremes(schema: Schema) -> list[str]:
    kinds = {kind.get("type") for kind in (schema, *schema.get("anyOf", ()))}
    return [text for kind in kinds for text in KINDS.get(kind, ())]

"""What nothing can hold, wherever the API takes a number or a text: refused, and never an error of ours."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import psycopg
import pytest

from core.access import Role

if TYPE_CHECKING:
    from tests.dashboard.conftest import Site

# What JSON has no number for, what is beyond a double, and half of a character: as they are written in JSON.
NONE, HALF = ("1" + "0" * 400, "Infinity", "NaN"), r'"\ud800"'
# Beyond a bigint and an integer of Postgres, and what it stores in no text.
NUMBERS = (*NONE, str(2**63), str(2**31), str(-(2**63) - 1), "-1")
TEXTS = (HALF, r'"\u0000"', '"9999-12-31T23:59:59-23:59"', '"' + "x" * 20_000 + '"')
KINDS = {
    "integer": NUMBERS,
    "number": NUMBERS,
    "boolean": NUMBERS,
    "string": TEXTS,
    "array": [f"[{text}]" for text in TEXTS + NUMBERS],
    "object": [f'{{"a": {text}}}' for text in TEXTS + NUMBERS],
}
# A right value, for what is asked for beside the wrong one.
RIGHT = {"role": '"viewer"', "days": "1", "urls": '["http://example.org/feed"]'}

Schema = Mapping[str, Any]


@pytest.fixture
async def ids(site: "Site", database_url: str) -> dict[str, str]:
    """What is to stand in a path for a name in braces, by what stands before it: things that are there."""
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
    # Not the one who asks, whose password is changed.
    await site.add("jane", Role.VIEWER)
    found = {"feeds": feed, "articles": article, "failed-jobs": job, "operations": operation}
    return {"queues": "crawl", "users": "jane"} | {name: str(value) for name, value in found.items()}


@pytest.mark.parametrize("depth", [70, 300, 600, 900])
async def test_what_is_nested_too_deep_is_refused(site: "Site", ids: Mapping[str, str], depth: int) -> None:
    otto = await site.browser(Role.OPERATOR)
    for nested in ("[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth):
        answer = await otto.post(
            f"/api/v1/failed-jobs/{ids['failed-jobs']}/edit",
            content=f'{{"args": [{nested}]}}',
            headers={"content-type": "application/json"},
        )
        assert answer.status_code == 422
        assert "nested deeper than 64 times" in answer.text


async def test_no_number_and_no_text_is_too_odd_for_an_answer(site: "Site", ids: Mapping[str, str]) -> None:
    ada = await site.browser(Role.ADMIN)
    described = (await ada.get("/api/openapi.json")).json()
    tried, wrong = set(), []
    for path, method, route in _routes(described):
        cases = [(name, text, {"params": f"{name}={said}"}) for name, text, said in _query(route, described)]
        cases += [
            (name, text, {"content": body, "headers": {"content-type": "application/json"}})
            for name, text, body in _bodies(route, described)
        ]
        for name, text, how in cases:
            here = re.sub(r"([\w-]+)/\{\w+\}", lambda found: f"{found[1]}/{ids[found[1]]}", f"/api{path}")
            answer = await ada.request(method, here, **how)
            tried.add((method, path, name))
            # In an address no half of a character can be written: what arrives is the sign for what cannot be read.
            refused = any(odd in text for odd in NONE) or (HALF in text and "content" in how)
            good = {400, 422} if refused else range(200, 500)
            wrong += [(answer.status_code, method, path, name, text[:20])] * (answer.status_code not in good)
    assert wrong == []
    assert tried == _fields(described)
    assert len(tried) > 100, "the description of the API has lost what it takes"


def _routes(described: Schema) -> Iterator[tuple[str, str, Schema]]:
    for path, methods in described["paths"].items():
        for method, route in methods.items():
            yield path, method, route


def _query(route: Schema, described: Schema) -> Iterator[tuple[str, str, str]]:
    """The name of what is wrong, what it is, and as it is written in an address."""
    for each in route.get("parameters", ()):
        if each["in"] == "query":
            for text in _extremes(each["schema"], described):
                yield each["name"], text, quote(json.loads(text) if text[0] == '"' else text, errors="surrogatepass")


def _bodies(route: Schema, described: Schema) -> Iterator[tuple[str, str, str]]:
    """The name of what is wrong, what it is, and a body that is right but for it."""
    schema = _body(route, described)
    needed = {name: RIGHT.get(name, '"otto.the.operator"') for name in schema.get("required", ())}
    for name, field in schema["properties"].items():
        for text in _extremes(field, described):
            fields = {**needed, name: text}
            yield name, text, "{" + ", ".join(f'"{key}": {value}' for key, value in fields.items()) + "}"


def _body(route: Schema, described: Schema) -> Schema:
    content = route.get("requestBody", {}).get("content", {"text/x-opml": None})
    return {"properties": {}} if "text/x-opml" in content else _at(content["application/json"]["schema"], described)


def _at(schema: Schema, described: Schema) -> Schema:
    """What a reference leads to."""
    return described["components"]["schemas"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def _extremes(schema: Schema, described: Schema) -> list[str]:
    kinds = {_at(kind, described)["type"] for kind in schema.get("anyOf", (schema,))} - {"null"}
    return [text for kind in kinds for text in KINDS[kind]]


def _fields(described: Schema) -> set[tuple[str, str, str]]:
    """Every field that the API takes."""
    return {
        (method, path, name)
        for path, method, route in _routes(described)
        for name in (
            *(each["name"] for each in route.get("parameters", ()) if each["in"] == "query"),
            *_body(route, described)["properties"],
        )
    }

"""`signalist index`, `signalist operations`, and what `signalist db` does with them."""

import uuid
from collections.abc import Callable
from typing import Any

import numpy as np
import psycopg
import pytest

Signalist = Callable[..., Any]


@pytest.fixture
def vectors(database_url: str) -> None:
    """1,500 articles in 30 heaps."""
    rng = np.random.default_rng(5)
    heaps = rng.normal(size=(30, 1536))
    with psycopg.connect(database_url, autocommit=True) as connection:
        feed = uuid.uuid4()
        connection.execute(
            "insert into feeds (id, url, article_count) values (%s, 'http://example.org', 1500)", (feed,)
        )
        for number in range(1500):
            article = uuid.uuid4()
            vector = heaps[number % 30] + 0.3 * rng.normal(size=1536)
            connection.execute(
                "insert into articles (id, feed_id, guid, content_hash, embedding_model)"
                " values (%s, %s, %s, '', 'wordllama-256')",
                (article, feed, str(number)),
            )
            connection.execute(
                "insert into article_embeddings (article_id, chunk_index, content, embedding, model)"
                " values (%s, 0, '', %s, 'wordllama-256')",
                (article, str(vector.round(5).tolist())),
            )
        connection.execute("analyze")


@pytest.mark.usefixtures("vectors")
def test_an_index_is_planned_built_measured_and_shown(signalist: Signalist) -> None:
    stats = signalist("index", "stats")
    assert stats.code == 0
    assert "1,500 rows" in stats.out
    assert "searched by comparing all" in stats.out
    assert "HNSW, m 16, ef_construction 64, halfvec" in signalist("index", "plan").out
    assert signalist("index", "plan", "--lists", "30", "--setting", "31").code == 2
    planned = signalist("index", "plan", "--lists", "30", "--json").json
    assert [each["known"] for each in planned["choices"]] == [False] * 4
    assert planned["parameters"]["lists"] == 30
    assert any("lists = 30" in sql for step in planned["plan"]["steps"] for sql in step["sql"])
    assert signalist("operations", "list", "--json").json == []
    assert signalist("index", "rebuild", "--lists", "30").code == 2  # nobody is there to say yes
    done = signalist("index", "rebuild", "--lists", "30", "--yes")
    assert done.code == 0, done.out + done.err
    assert "Approved by" in done.out
    assert "idx_embeddings_vector is IVFFlat, lists 30 now: recall@10" in done.out
    measured = signalist("index", "recall", "--json").json
    assert measured["recall"] >= 0.95
    stats = signalist("index", "stats").out
    assert "Exact search" in stats
    assert "\nNothing needs to be done.\n" in stats
    assert "200 random articles, and one pass over up to 1,000,000 vectors" in stats
    assert signalist("index", "stats", "--json").json["table"]["indexes"][0]["name"] == "idx_embeddings_vector"


@pytest.mark.usefixtures("vectors")
def test_a_no_dismisses_the_plan(signalist: Signalist, at_a_terminal: Signalist) -> None:
    answered = at_a_terminal("n", "index", "rebuild", "--lists", "30")
    assert answered.code != 0
    assert "CREATE INDEX CONCURRENTLY" in answered.out
    assert [row["state"] for row in signalist("operations", "list", "--json").json] == ["cancelled"]


@pytest.mark.usefixtures("vectors")
def test_operations_are_listed_shown_and_dismissed(signalist: Signalist) -> None:
    signalist("index", "rebuild", "--lists", "30")
    (row,) = signalist("operations", "list", "--json").json
    assert row["state"] == "proposed"
    assert "Build idx_embeddings_vector as IVFFlat, lists 30" in signalist("operations", "list").out
    short = row["id"][:8]
    assert "CREATE INDEX CONCURRENTLY" in signalist("operations", "show", short).out
    assert signalist("operations", "show", short, "--note").out.startswith("## Build idx_embeddings_vector")
    assert "Dismissed by" in signalist("operations", "cancel", short).out
    again = signalist("operations", "approve", short, "--yes")
    assert again.code == 1
    assert "cancelled already" in again.err
    assert signalist("operations", "show", "ffff").code == 1
    assert signalist("operations", "list", "--state", "sleeping").code == 2


def test_what_another_model_embedded_is_embedded_again_and_not_twice(
    signalist: Signalist, vectors: None, database_url: str
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("delete from articles where ctid not in (select ctid from articles limit 20)")
        connection.execute("update articles set embedding_model = 'old', title = 'The weather in town'")
    done = signalist("index", "reembed", "--per-minute", "0", "--yes")
    assert done.code == 0, done.out + done.err
    assert "20 articles embedded by wordllama-256." in done.out
    again = signalist("index", "reembed", "--yes")
    assert again.code == 1
    assert "Every article is embedded by wordllama-256 already." in again.err


def test_an_index_that_a_broken_build_left_is_named_and_dropped(signalist: Signalist, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("insert into feeds (url) values ('http://example.org/a'), ('http://example.org/b')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("create unique index concurrently left_over on feeds (enabled)")
    assert "`signalist index drop left_over`" in signalist("index", "stats").out
    assert "left_over is gone." in signalist("index", "drop", "left_over", "--yes").out
    assert "left_over" not in signalist("index", "stats").out
    refused = signalist("index", "drop", "pk_feeds", "--yes")
    assert (refused.code, refused.err) == (1, "There is no invalid index pk_feeds: it is gone, or it is valid.\n")


def test_an_empty_table_has_nothing_to_plan(signalist: Signalist) -> None:
    done = signalist("index", "plan")
    assert done.code == 1
    assert "No article is embedded yet" in done.err
    assert signalist("index", "recall").code == 1


def test_wrong_choices_are_wrong_usage(signalist: Signalist, vectors: None) -> None:
    assert signalist("index", "plan", "--method", "btree").code == 2
    assert signalist("index", "plan", "--lists", "99999").code == 2

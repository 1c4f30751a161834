"""An article on its way through the models: once, whole, and of the words that it has now."""

import asyncio
import datetime as dt
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from sqlalchemy import text

from core.db import Database
from core.errors import Conflict, RetryLater
from core.models import DIMENSIONS
from core.pipeline.embed import embed_article
from core.pipeline.models import Vectors
from core.pipeline.parsed import ParsedArticle, content_hash
from core.pipeline.summarise import SHORT_TEXT, summarise_article
from core.queries import articles, crawls, embeddings, feeds

NOW = dt.datetime(2026, 5, 17, 12, tzinfo=dt.UTC)
LONG = " ".join(f"Sentence number {n} of a long article about something." for n in range(100))


async def nothing() -> None:
    return None


@dataclass
class Model:
    """A model that tells what it was given, and lets something happen meanwhile."""

    model: str = "test"
    meanwhile: Callable[[], Awaitable[None]] = nothing
    seen: list[list[str]] = field(default_factory=list)

    async def embed(self, texts: Sequence[str]) -> Vectors:
        self.seen.append(list(texts))
        await self.meanwhile()
        vectors = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        for row, words in zip(vectors, texts, strict=True):
            if "zero" not in words:
                row[len(words) % 256] = 1.0
        return vectors

    async def summarise(self, title: str, text: str) -> str:
        self.seen.append([title, text])
        await self.meanwhile()
        return f"{title}, in short."

    async def close(self) -> None:
        return None


async def stored(database: Database, title: str, words: str, guid: str = "1") -> uuid.UUID:
    """Stores the article as a crawl would."""
    article = ParsedArticle(guid, None, title, None, words, None, content_hash(title, words))
    async with database.session() as session:
        feed = await feeds.add(session, "https://news.example/feed")
        found = await crawls.store(session, feed.id, [article], NOW)
    return (*found.new, *found.changed)[0]


async def rows(database: Database) -> list[tuple[int, str, str, float]]:
    async with database.session() as session:
        found = await session.execute(
            text("select chunk_index, content, model, vector_norm(embedding) from article_embeddings order by 1")
        )
        return [tuple(row) for row in found]


async def test_an_article_is_embedded_in_chunks_with_its_title(database: Database) -> None:
    article_id, model = await stored(database, "A title", LONG), Model()
    count = await embed_article(article_id, database=database, embedder=model)
    found = await rows(database)
    assert count == len(found) > 3
    assert [row[0] for row in found] == list(range(count))
    assert all(row[2:] == ("test", 1.0) for row in found)
    assert model.seen == [[f"A title\n{row[1]}" for row in found]]
    async with database.session() as session:
        detail = await articles.get(session, article_id)
    assert detail is not None
    assert (detail.embedding_model, detail.chunks) == ("test", count)


async def test_the_same_content_is_embedded_once(database: Database) -> None:
    article_id, model = await stored(database, "A title", LONG), Model()
    await embed_article(article_id, database=database, embedder=model)
    assert await embed_article(article_id, database=database, embedder=model) == 0
    assert len(model.seen) == 1


async def test_another_model_replaces_what_the_first_one_made(database: Database) -> None:
    article_id = await stored(database, "A title", LONG)
    await embed_article(article_id, database=database, embedder=Model("first"))
    count = await embed_article(article_id, database=database, embedder=Model("second"))
    assert [row[2] for row in await rows(database)] == ["second"] * count


async def test_a_shorter_article_leaves_no_chunk_of_the_longer_one(database: Database) -> None:
    await embed_article(await stored(database, "A title", LONG), database=database, embedder=Model())
    await embed_article(await stored(database, "A title", "Short now."), database=database, embedder=Model())
    assert [row[1] for row in await rows(database)] == ["Short now."]


async def test_an_article_that_changes_meanwhile_is_embedded_as_it_is_then(database: Database) -> None:
    article_id, model = await stored(database, "A title", "Old words."), Model()

    async def change() -> None:
        model.meanwhile = nothing
        await stored(database, "A title", "New words.")

    model.meanwhile = change
    await embed_article(article_id, database=database, embedder=model)
    assert [row[1] for row in await rows(database)] == ["New words."]
    assert len(model.seen) == 2


async def test_an_article_that_never_stands_still_is_left_to_the_next_crawl(database: Database) -> None:
    article_id, model = await stored(database, "A title", "Words."), Model()

    async def change() -> None:
        await stored(database, "A title", f"Words {len(model.seen)}.")

    model.meanwhile = change
    with pytest.raises(Conflict):
        await embed_article(article_id, database=database, embedder=model)
    assert await rows(database) == []


async def test_two_jobs_for_one_article_leave_one_set_of_chunks(database: Database) -> None:
    article_id = await stored(database, "A title", LONG)
    counts = await asyncio.gather(*(embed_article(article_id, database=database, embedder=Model()) for _ in range(5)))
    assert len(await rows(database)) == max(counts)


async def test_an_article_without_words_counts_as_embedded_and_has_no_rows(database: Database) -> None:
    article_id, model = await stored(database, "!!!", "… — …"), Model()
    assert await embed_article(article_id, database=database, embedder=model) == 0
    assert await rows(database) == []
    async with database.session() as session:
        assert await articles.to_embed(session, "test", NOW + dt.timedelta(days=1), 10) == ()


async def test_a_vector_of_zeros_is_never_stored(database: Database) -> None:
    article_id = await stored(database, "", f"{LONG} A zero for the last chunk.")
    await embed_article(article_id, database=database, embedder=Model())
    found = await rows(database)
    assert found
    assert not any("zero" in row[1] for row in found)


async def test_an_article_that_was_removed_is_no_error(database: Database) -> None:
    model = Model()
    assert await embed_article(uuid.uuid4(), database=database, embedder=model) == 0
    assert await summarise_article(uuid.uuid4(), database=database, summariser=model) == ""
    assert model.seen == []


async def test_an_article_that_is_removed_meanwhile_is_no_error(database: Database) -> None:
    article_id, model = await stored(database, "A title", LONG), Model()

    async def remove() -> None:
        async with database.session() as session:
            (feed,) = (await feeds.page(session)).rows
            await feeds.remove(session, feed.id)

    model.meanwhile = remove
    assert await embed_article(article_id, database=database, embedder=model) == 0


async def test_an_error_of_the_model_leaves_the_article_to_do(database: Database) -> None:
    article_id, model = await stored(database, "A title", LONG), Model()

    async def refuse() -> None:
        raise RetryLater("busy", retry_after=3)

    model.meanwhile = refuse
    with pytest.raises(RetryLater):
        await embed_article(article_id, database=database, embedder=model)
    async with database.session() as session:
        assert await articles.to_embed(session, "test", NOW + dt.timedelta(days=1), 10) == (article_id,)


async def test_the_model_works_while_no_transaction_is_open(database: Database) -> None:
    article_id, model = await stored(database, "A title", LONG), Model()
    open_ones: list[int] = []

    async def look() -> None:
        async with database.session() as session:
            query = (
                "select count(*) from pg_stat_activity where xact_start is not null and datname = current_database()"
            )
            open_ones.append((await session.execute(text(query))).scalar_one() - 1)

    model.meanwhile = look
    await embed_article(article_id, database=database, embedder=model)
    await summarise_article(article_id, database=database, summariser=model)
    assert open_ones == [0, 0]


async def test_a_summary_is_stored_with_its_model_and_made_once(database: Database) -> None:
    article_id, model = await stored(database, "A title", LONG), Model()
    assert await summarise_article(article_id, database=database, summariser=model) == "A title, in short."
    assert await summarise_article(article_id, database=database, summariser=model) == ""
    assert model.seen == [["A title", LONG]]
    async with database.session() as session:
        detail = await articles.get(session, article_id)
    assert detail is not None
    assert (detail.summary, detail.summary_model) == ("A title, in short.", "test")


@pytest.mark.parametrize(
    ("title", "words", "summary"),
    [("A title", "One line.\nAnd another.", "One line. And another."), ("A title", "", "A title"), ("", "", "")],
)
async def test_a_text_as_short_as_a_summary_is_its_own_and_costs_nothing(
    database: Database, title: str, words: str, summary: str
) -> None:
    article_id, model = await stored(database, title, words), Model()
    assert len(words) < SHORT_TEXT
    assert await summarise_article(article_id, database=database, summariser=model) == summary
    assert model.seen == []
    async with database.session() as session:
        assert await articles.to_summarise(session, "test", NOW + dt.timedelta(days=1), 10) == ()


async def test_a_changed_article_is_summarised_as_it_is_then(database: Database) -> None:
    article_id, model = await stored(database, "Old title", LONG), Model()

    async def change() -> None:
        model.meanwhile = nothing
        await stored(database, "New title", LONG)

    model.meanwhile = change
    assert await summarise_article(article_id, database=database, summariser=model) == "New title, in short."


async def test_coverage_counts_the_active_model_and_the_present_content_only(database: Database) -> None:
    first, second = await stored(database, "One", LONG, "1"), await stored(database, "Two", LONG, "2")
    await stored(database, "Three", LONG, "3")
    await embed_article(first, database=database, embedder=Model("old"))
    await embed_article(second, database=database, embedder=Model("test"))
    async with database.session() as session:
        await session.execute(text("update feeds set article_count = 3"))
        coverage = await embeddings.coverage(session, "test")
        assert set(await articles.to_embed(session, "test", NOW + dt.timedelta(days=1), 10)).isdisjoint({second})
    assert (coverage.articles, coverage.waiting.value, coverage.embedded.value) == (3, 2, 1)
    assert coverage.oldest_waiting_at == NOW

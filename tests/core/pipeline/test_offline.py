"""The models that need no key."""

import asyncio
import time

import numpy as np
import pytest

from core.config import Settings
from core.errors import Misconfigured, WillNotHeal
from core.models import DIMENSIONS
from core.pipeline.models import make_embedder, make_summariser, stored_form
from core.pipeline.offline import ExtractiveSummariser, OfflineEmbedder

ARTICLE = """The city council voted on Tuesday to close three swimming pools at the end of the summer season.
The decision follows two years of falling income and rising costs for heating, the council said in a statement.
Cookies help us to improve this site.
About four hundred people had gathered in front of the town hall to protest against the closing of the pools.
"My children learned to swim here, and so did I," said one of the protesters, who has lived nearby for forty years.
The mayor promised that schools will be able to use the pool in the neighbouring town without any payment.
Critics of the decision point out that buses to the neighbouring town run only once an hour in the afternoon.
The council will discuss next month what is to become of the three buildings and the land on which they stand.
Share this article."""


async def test_vectors_fit_the_column_and_have_length_one() -> None:
    vectors = await OfflineEmbedder().embed(["compilers", "a longer text about gardening and soup", ""])
    assert vectors.shape == (3, DIMENSIONS)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors[:2], axis=1), 1, atol=1e-5)
    assert not vectors[2].any()
    assert not vectors[:, 256:].any()


async def test_what_means_the_same_is_near() -> None:
    car, automobile, soup = await OfflineEmbedder().embed(["a fast car", "a quick automobile", "a bowl of soup"])
    assert car @ automobile > car @ soup


async def test_nothing_to_embed_is_no_error() -> None:
    assert (await OfflineEmbedder().embed([])).shape == (0, DIMENSIONS)


async def test_many_at_once_load_the_model_once_and_leave_the_loop_free() -> None:
    async def beat() -> float:
        longest = 0.0
        for _ in range(20):
            before = time.monotonic()
            await asyncio.sleep(0.001)
            longest = max(longest, time.monotonic() - before)
        return longest

    beating = asyncio.create_task(beat())
    found = await asyncio.gather(*(OfflineEmbedder().embed([f"text {n}"]) for n in range(20)))
    assert len(found) == 20
    assert await beating < 2


def test_padding_with_zeros_changes_no_cosine() -> None:
    random = np.random.default_rng(1)
    narrow = random.normal(size=(5, 256))
    wide = stored_form(narrow, "m")
    unit = narrow / np.linalg.norm(narrow, axis=1, keepdims=True)
    assert np.allclose(wide @ wide.T, unit @ unit.T, atol=1e-5)


def test_vectors_that_the_column_cannot_hold_are_refused_for_good() -> None:
    with pytest.raises(WillNotHeal, match="3,072"):
        stored_form(np.ones((1, 3072)), "wide")
    with pytest.raises(WillNotHeal, match="not numbers"):
        stored_form(np.array([[1.0, np.nan]]), "odd")


async def test_a_summary_is_three_sentences_of_the_article_in_their_order() -> None:
    summary = await ExtractiveSummariser().summarise("Council closes three pools", ARTICLE)
    chosen = [line for line in ARTICLE.splitlines() if line in summary]
    assert len(chosen) == 3
    assert summary == " ".join(chosen)
    assert "Cookies" not in summary
    assert "swimming pools" in summary


async def test_the_same_article_has_the_same_summary() -> None:
    summariser = ExtractiveSummariser()
    assert len({await summariser.summarise("Pools", ARTICLE) for _ in range(3)}) == 1


@pytest.mark.parametrize(
    "text", ["", "One.", "x" * 5000, "a. " * 500, "Same sentence here, forty letters long at least. " * 50]
)
async def test_odd_articles_are_summarised_without_a_fuss(text: str) -> None:
    assert isinstance(await ExtractiveSummariser().summarise("", text), str)


def settings(**given: str) -> Settings:
    return Settings(_env_file=None, **given)  # type: ignore[arg-type, call-arg]


def test_without_a_key_the_offline_models_are_chosen() -> None:
    assert make_embedder(settings()).model == "wordllama-256"
    assert make_summariser(settings()).model == "extractive"


def test_with_a_key_openai_is_and_the_offline_ones_can_still_be_named() -> None:
    assert make_embedder(settings(openai_api_key="sk-x")).model == "text-embedding-3-small"
    assert make_summariser(settings(openai_api_key="sk-x")).model == "gpt-4.1-mini"
    named = settings(openai_api_key="sk-x", embedding_model="wordllama-256", summary_model="extractive")
    assert isinstance(make_embedder(named), OfflineEmbedder)
    assert isinstance(make_summariser(named), ExtractiveSummariser)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"embedding_model": "bert"}, "EMBEDDING_MODEL: 'bert' needs OPENAI_API_KEY"),
        ({"embedding_model": "wordllama-512"}, "there is 'wordllama-256'"),
        ({"embedding_model": "bert", "anthropic_api_key": "sk-ant-x"}, "needs OPENAI_API_KEY"),
    ],
)
def test_a_model_that_nobody_can_run_is_said_at_the_start(given: dict[str, str], sentence: str) -> None:
    with pytest.raises(Misconfigured, match=sentence):
        make_embedder(settings(**given))


@pytest.mark.parametrize(("model", "key"), [("gpt-4.1", "OPENAI_API_KEY"), ("claude-haiku-4-5", "ANTHROPIC_API_KEY")])
def test_a_summary_model_without_its_key_names_the_key(model: str, key: str) -> None:
    with pytest.raises(Misconfigured, match=f"needs {key}"):
        make_summariser(settings(summary_model=model))

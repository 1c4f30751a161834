"""The models that embed and summarise: OpenAI's, Anthropic's, or the offline ones that need no key."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.config import LOCAL_EMBEDDING_MODEL, LOCAL_SUMMARY_MODEL, Settings
from core.errors import Misconfigured, WillNotHeal
from core.models import DIMENSIONS

Vectors = NDArray[np.float32]
OPENAI = "https://api.openai.com/v1"
# Anthropic's endpoint that speaks OpenAI's language.
ANTHROPIC = "https://api.anthropic.com/v1/"


class Embedder(Protocol):
    """Turns texts into vectors. `model` is recorded with each, so that two models never mix in a search."""

    model: str
    # Those that the service has counted since they were last told (core.pipeline.embed.count_tokens).
    tokens: int

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), DIMENSIONS), each row of length 1, or zero for a text without a known word.

        Raises RetryLater when the service asks for it, ModelUnavailable when it cannot be reached, WillNotHeal when
        it never will accept this.
        """
        ...

    async def close(self) -> None: ...


class Summariser(Protocol):
    """Writes two or three sentences. `model` is recorded with each summary."""

    model: str

    async def summarise(self, title: str, text: str) -> str:
        """Raises RetryLater, ModelUnavailable and WillNotHeal as an Embedder does."""
        ...

    async def close(self) -> None: ...


def make_embedder(settings: Settings) -> Embedder:
    """The active embedding model. Raises Misconfigured if EMBEDDING_MODEL names one that nobody here can run.

    Nothing is loaded or asked before the first use.
    """
    model = settings.active_embedding_model
    if model == LOCAL_EMBEDDING_MODEL:
        from core.pipeline.offline import OfflineEmbedder  # noqa: PLC0415 - costs what only its users should pay

        return OfflineEmbedder()
    if settings.openai_api_key is None:
        raise Misconfigured(
            f"EMBEDDING_MODEL: {model!r} needs OPENAI_API_KEY. Without a key there is {LOCAL_EMBEDDING_MODEL!r}."
        )
    from core.pipeline.openai_models import OpenAIEmbedder  # noqa: PLC0415 - a second and 40 MB

    return OpenAIEmbedder(model, settings.openai_api_key, settings.openai_base_url or OPENAI)


def make_summariser(settings: Settings) -> Summariser:
    """The active summary model: a model named claude… with ANTHROPIC_API_KEY is Anthropic's, else it is OpenAI's.

    Raises Misconfigured if SUMMARY_MODEL names one that nobody here can run.
    """
    model = settings.active_summary_model
    if model == LOCAL_SUMMARY_MODEL:
        from core.pipeline.offline import ExtractiveSummariser  # noqa: PLC0415 - costs what only its users should pay

        return ExtractiveSummariser()
    from core.pipeline.openai_models import ChatSummariser  # noqa: PLC0415 - a second and 40 MB

    if model.startswith("claude") and settings.anthropic_api_key is not None:
        return ChatSummariser(model, settings.anthropic_api_key, ANTHROPIC)
    if settings.openai_api_key is not None:
        return ChatSummariser(model, settings.openai_api_key, settings.openai_base_url or OPENAI)
    needed = "ANTHROPIC_API_KEY" if model.startswith("claude") else "OPENAI_API_KEY"
    raise Misconfigured(f"SUMMARY_MODEL: {model!r} needs {needed}. Without a key there is {LOCAL_SUMMARY_MODEL!r}.")


def stored_form(vectors: NDArray[np.floating], model: str) -> Vectors:
    """Rows of length 1 (or zero), padded with zeros to the column's width, which leaves every cosine unchanged.

    Raises WillNotHeal for vectors that are wider than the column, or that are not numbers.
    """
    rows, width = vectors.shape
    if width > DIMENSIONS:
        raise WillNotHeal(f"{model} gives {width:,} numbers for a text, and the table holds {DIMENSIONS:,}.")
    if not np.isfinite(vectors).all():
        raise WillNotHeal(f"{model} gave vectors with values that are not numbers.")
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    padded = np.zeros((rows, DIMENSIONS), dtype=np.float32)
    np.divide(vectors, lengths, out=padded[:, :width], where=lengths > 0, casting="same_kind")
    return padded

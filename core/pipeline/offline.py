"""Models that need no key and no network: wordllama's static embeddings, and summaries in an article's own words."""

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from core.config import LOCAL_EMBEDDING_MODEL, LOCAL_SUMMARY_MODEL
from core.models import DIMENSIONS
from core.pipeline.models import Vectors, stored_form
from core.pipeline.sentences import sentences

# One load a process, 0.9 s and 60 MB, whichever thread needs it first.
_LOADING = threading.Lock()
# As many as make sense beside the other worker processes; each thread keeps some megabytes of its own for good. Apart
# from the threads of asyncio, where names are looked up, which must not wait for a model.
_THREADS = ThreadPoolExecutor(max_workers=2, thread_name_prefix="offline-model")
# Texts are padded to the longest of their batch: in batches of 64, its default, a process grew by 290 MB, in these by
# 110 MB, at the same speed.
_BATCH = 4
# Below, a sentence is a caption or a button; above, a list or a table.
SHORTEST, LONGEST = 40, 400
# News says what matters early, and the comparison of all with all grows with the square.
MOST_SENTENCES = 80
SENTENCES = 3


class OfflineEmbedder:
    """wordllama, 256 numbers a text: means of static word vectors, 4,000 texts a second on one core."""

    model = LOCAL_EMBEDDING_MODEL
    tokens = 0

    async def embed(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, DIMENSIONS), dtype=np.float32)
        return await asyncio.get_running_loop().run_in_executor(_THREADS, _embed, texts)

    async def close(self) -> None:
        return None


class ExtractiveSummariser:
    """The article's own most central sentences, in their order. The same article always gives the same summary."""

    model = LOCAL_SUMMARY_MODEL

    async def summarise(self, title: str, text: str) -> str:
        return await asyncio.get_running_loop().run_in_executor(_THREADS, extract, title, text)

    async def close(self) -> None:
        return None


def extract(title: str, text: str) -> str:
    """Up to SENTENCES sentences of the text: central, early, near the title, and unlike each other.

    Centrality is the mean cosine with the other sentences (degree centrality of LexRank, Erkan and Radev 2004); the
    choice balances it against likeness to what is chosen already (maximal marginal relevance, Carbonell and
    Goldstein 1998).
    """
    every = list(dict.fromkeys(sentences(text)))[:MOST_SENTENCES]
    candidates = [sentence for sentence in every if SHORTEST <= len(sentence) <= LONGEST] or every[:SENTENCES]
    if len(candidates) <= SENTENCES:
        return " ".join(candidates)
    vectors = _embed([*candidates, title])
    likeness = vectors[:-1] @ vectors[:-1].T
    early = 1.0 / (1.0 + np.arange(len(candidates)) / 5.0)
    score = 0.6 * likeness.mean(axis=1) + 0.2 * (vectors[:-1] @ vectors[-1]) + 0.2 * early
    return " ".join(candidates[index] for index in sorted(_choose(score, likeness)))


def _choose(score: Vectors, likeness: Vectors) -> list[int]:
    chosen = [int(np.argmax(score))]
    while len(chosen) < SENTENCES:
        gain = 0.7 * score - 0.3 * likeness[:, chosen].max(axis=1)
        gain[chosen] = -np.inf
        chosen.append(int(np.argmax(gain)))
    return chosen


def _embed(texts: Sequence[str]) -> Vectors:
    with _LOADING:
        model = _load()
    return stored_form(model.embed(list(texts), batch_size=_BATCH), LOCAL_EMBEDDING_MODEL)


@cache
def _load() -> Any:
    import wordllama  # noqa: PLC0415 - half a second, only for those who use it

    # It looks for its weights in the wrong folder of its own wheel, and would then download them.
    return wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)

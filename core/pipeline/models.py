"""The models that embed and summarise: OpenAI's, Anthropic's, or the offline ones that need no key."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


class Embedder(Protocol):
    """Turns texts into vectors. `model` is recorded with each, so that two models never mix in a search."""

    model: str

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), DIMENSIONS), each row of length 1, or zero for a text without a known word.

        Raises RetryLater when the service asks for it, WillNotHeal when it never will accept this.
        """
        ...

    async def close(self) -> None: ...


class Summariser(Protocol):
    """Writes two or three sentences. `model` is recorded with each summary."""

    model: str

    async def summarise(self, title: str, text: str) -> str:
        """Raises RetryLater and WillNotHeal as an Embedder does."""
        ...

    async def close(self) -> None: ...

"""A map of the articles: what is alike lies close together. Two dimensions by principal components."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.db import Database
from core.indexes.measure import in_thread
from core.queries import article_map
from core.queries.article_map import Placed

# More points than this cover each other on a screen; their vectors are 12 MB.
ARTICLES = 2_000


@dataclass(frozen=True)
class ArticleMap:
    """`places` has a row (x, y) for each article, within −1 to 1; `explained` is the share of the variance shown."""

    articles: tuple[Placed, ...]
    places: NDArray[np.float32]
    explained: float


async def draw(database: Database, model: str) -> ArticleMap:
    """Of the newest articles; about a second of work in a thread. Raises DatabaseUnavailable and QueryTimeout."""

    def work() -> ArticleMap:
        field = article_map.newest(database.url, model, ARTICLES)
        places, explained = project(field.vectors)
        return ArticleMap(field.articles, places, explained)

    return await in_thread(work)


def project(vectors: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
    """The first two principal components of directions (cosine knows no lengths), and how much of the variance they
    hold. Deterministic: the sign of each axis is that of its largest entry. Pure."""
    if len(vectors) < 3:
        return np.zeros((len(vectors), 2), dtype=np.float32), 1.0
    # Models narrower than the column are padded with zeros, which hold nothing.
    used = vectors[:, np.any(vectors != 0, axis=0)]
    lengths = np.linalg.norm(used, axis=1, keepdims=True)
    centred = np.divide(used, lengths, out=np.zeros_like(used), where=lengths > 0)
    centred -= centred.mean(axis=0)
    values, directions = np.linalg.eigh(centred.T @ centred)
    axes = directions[:, [-1, -2]]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), [0, 1]])
    places = centred @ axes
    largest = float(np.abs(places).max()) or 1.0
    total = float(values.clip(min=0).sum()) or 1.0
    return (places / largest).astype(np.float32), float(values[-2:].sum()) / total

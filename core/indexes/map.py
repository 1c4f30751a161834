"""A map of the articles: what is alike lies close together. Two dimensions by principal components.

A worker draws it, since that is a second of work for a whole processor; it is kept in Redis for whoever looks.
"""

import asyncio
import datetime as dt
import json
import time
import uuid
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from redis.asyncio import Redis

from core.db import Database
from core.errors import Unavailable
from core.indexes.measure import in_thread
from core.queries import article_map
from core.queries.article_map import Placed
from core.queues import enqueue, keys, redis_errors, worker_beats
from core.queues.jobs import draw_map

# More points than this cover each other on a screen; their vectors are 12 MB.
ARTICLES = 2_000
# It changes slowly; one with next to nothing on it, fast. What nobody has looked at for long is forgotten.
FRESH, FRESH_IF_FEW, KEPT = dt.timedelta(minutes=10), dt.timedelta(seconds=10), dt.timedelta(hours=6)
FEW = 3
# A worker that is there needs less than this.
PATIENCE_S, LOOK_EVERY_S = 8.0, 0.2


@dataclass(frozen=True)
class ArticleMap:
    """`places` has a row (x, y) for each article, within −1 to 1; `explained` is the share of the variance shown."""

    model: str
    at: dt.datetime
    articles: tuple[Placed, ...]
    places: NDArray[np.float32]
    explained: float


async def draw(database: Database, redis: Redis, model: str) -> None:
    """Draws the newest articles, and keeps it. Raises DatabaseUnavailable, QueryTimeout and RedisUnavailable."""

    def work() -> ArticleMap:
        field = article_map.newest(database.url, model, ARTICLES)
        places, explained = project(field.vectors)
        return ArticleMap(model, dt.datetime.now(dt.UTC), field.articles, places, explained)

    drawn = await in_thread(work)
    with redis_errors():
        await redis.set(keys.MAP, _written(drawn), ex=KEPT)


async def latest(redis: Redis, model: str) -> ArticleMap | None:
    """The last one that a worker drew; a fresh one is asked for when that is old, and waited for when there is none.

    None: no worker is there, or none has drawn it in time. Raises RedisUnavailable, and RedisFull when there is none.
    """
    found, deadline = await _kept(redis, model), time.monotonic() + PATIENCE_S
    fresh = FRESH if found is not None and len(found.articles) >= FEW else FRESH_IF_FEW
    if found is None or dt.datetime.now(dt.UTC) - found.at > fresh:
        try:
            await enqueue(redis, draw_map())
        except Unavailable:
            # One that is there is shown, whether or not another can be asked for.
            if found is None:
                raise
    while found is None and time.monotonic() < deadline and await worker_beats(redis):
        await asyncio.sleep(LOOK_EVERY_S)
        found = await _kept(redis, model)
    return found


async def _kept(redis: Redis, model: str) -> ArticleMap | None:
    with redis_errors():
        text = await redis.get(keys.MAP)
    found = json.loads(text) if text else None
    # Another model may have been active until now.
    if found is None or found["model"] != model:
        return None
    articles = tuple(
        Placed(uuid.UUID(id_), title, feed, dt.datetime.fromisoformat(sort_at))
        for id_, title, feed, sort_at in found["articles"]
    )
    places = np.array(found["places"], dtype=np.float32).reshape(-1, 2)
    return ArticleMap(model, dt.datetime.fromisoformat(found["at"]), articles, places, found["explained"])


def _written(drawn: ArticleMap) -> str:
    return json.dumps(
        {
            "model": drawn.model,
            "at": drawn.at.isoformat(),
            "explained": drawn.explained,
            "articles": [(str(a.id), a.title, a.feed, a.sort_at.isoformat()) for a in drawn.articles],
            "places": drawn.places.round(4).tolist(),
        }
    )


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

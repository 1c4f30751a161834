"""The map of the articles: drawn by a worker, kept for whoever looks."""

import datetime as dt
from collections.abc import Callable

import numpy as np
import pytest
from redis.asyncio import Redis

from core.errors import RedisFull
from core.indexes import map as article_map
from core.operations.kind import World
from core.queues import depths


def test_what_is_alike_lies_close_together() -> None:
    rng = np.random.default_rng(3)
    heaps = [np.eye(1536, dtype=np.float32)[n] for n in range(2)]
    vectors = np.array([heaps[n % 2] * (1 + n) + 0.01 * rng.normal(size=1536) for n in range(40)], dtype=np.float32)
    places, explained = article_map.project(vectors)
    left, right = places[::2, 0], places[1::2, 0]
    assert max(left.max() - left.min(), right.max() - right.min()) < abs(left.mean() - right.mean()) / 3
    assert np.abs(places).max() == 1
    assert explained > 0.5
    assert (article_map.project(vectors)[0] == places).all()


async def test_a_map_is_asked_for_once_and_kept_as_it_was_drawn(world: World, fill: Callable[[int], None]) -> None:
    fill(30)
    # No worker is there: nobody waits for one, and the job does.
    assert await article_map.latest(world.redis, world.model) is None
    assert await article_map.latest(world.redis, world.model) is None
    assert await waiting(world.redis) == 1
    await article_map.draw(world.database, world.redis, world.model)
    found = await article_map.latest(world.redis, world.model)
    assert found is not None
    assert (len(found.articles), found.places.shape) == (30, (30, 2))
    assert {article.title for article in found.articles} == {f"Article {n}" for n in range(30)}
    assert await article_map.latest(world.redis, "another model") is None


async def test_a_map_is_shown_while_redis_is_too_full_to_be_asked_for_another(
    world: World, fill: Callable[[int], None], fill_redis: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(5)
    await article_map.draw(world.database, world.redis, world.model)
    monkeypatch.setattr(article_map, "FRESH", dt.timedelta(0))
    fill_redis()
    found = await article_map.latest(world.redis, world.model)
    assert found is not None
    assert len(found.articles) == 5
    with pytest.raises(RedisFull):
        await article_map.latest(world.redis, "another model")


async def waiting(redis: Redis) -> int:
    return next(one.waiting for one in await depths(redis, dt.datetime.now(dt.UTC)) if one.name == "ops")

"""Does it still work? Reads once what the screens read."""

import datetime as dt
import time
from collections.abc import Awaitable, Callable, Mapping

from sqlalchemy.ext.asyncio import AsyncSession

from core import reading
from core.errors import SignalistError
from core.health import Status, database
from core.operations.kind import World
from core.queries import articles, embeddings, failed_summary, feeds, samples, server, vector_index

Query = Callable[[AsyncSession], Awaitable[object]]


class Broken(SignalistError):
    """What the screens show cannot be read."""


async def read_what_screens_show(world: World) -> str:
    """A sentence with the health of the database. Raises Broken, and DatabaseUnavailable."""
    for name, query in _queries(world).items():
        try:
            async with world.database.session() as session:
                await query(session)
        except SignalistError as error:
            raise Broken(f"What the screens show of {name} cannot be read: {error}") from error
    started = time.perf_counter()
    async with world.database.session() as session:
        facts = await server.facts(session)
    milliseconds = (time.perf_counter() - started) * 1000
    check = database.check(reading.succeeded(facts, dt.datetime.now(dt.UTC), milliseconds))
    if check.status is Status.UNHEALTHY:
        raise Broken(f"The database is not well: {check.detail}")
    return f"What the screens show can be read; the database is {check.status.value}."


def _queries(world: World) -> Mapping[str, Query]:
    now = dt.datetime.now(dt.UTC)
    return {
        "feeds": feeds.counts,
        "articles": articles.newest_at,
        "the list of articles": lambda session: articles.page(session, limit=1),
        "embeddings": lambda session: embeddings.coverage(session, world.model),
        "failed jobs": failed_summary.read,
        "the index": vector_index.read,
        "the history": lambda session: samples.since(session, now, 1),
    }

"""What the tasks of one worker process share."""

from dataclasses import dataclass
from typing import Annotated, Self

import aiohttp
from redis.asyncio import Redis
from taskiq import TaskiqDepends, TaskiqState

from core.config import LOCAL_EMBEDDING_MODEL, Settings
from core.db import Database
from core.pipeline.fetch import open_session
from core.pipeline.models import Embedder, Summariser, make_embedder, make_summariser
from core.pipeline.parser import Parser


@dataclass(frozen=True)
class Runtime:
    """Opened when the process starts, closed when it has drained."""

    settings: Settings
    database: Database
    redis: Redis
    http: aiohttp.ClientSession
    parser: Parser
    embedder: Embedder
    summariser: Summariser

    @classmethod
    async def open(cls, settings: Settings, database: Database, redis: Redis) -> Self:
        """Loads what is loaded once, so that what the process weighs from here on is its own doing."""
        embedder = make_embedder(settings)
        if embedder.model == LOCAL_EMBEDDING_MODEL:
            await embedder.embed(["a first sentence"])
        return cls(
            settings=settings,
            database=database,
            redis=redis,
            http=open_session(allow_private=settings.crawler_allow_private),
            parser=Parser(),
            embedder=embedder,
            summariser=make_summariser(settings),
        )

    async def close(self) -> None:
        await self.http.close()
        await self.parser.close()
        await self.embedder.close()
        await self.summariser.close()
        await self.database.close()


def _of_this_process(state: Annotated[TaskiqState, TaskiqDepends()]) -> Runtime:
    runtime: Runtime = state.runtime
    return runtime


# The type of a task's last parameter; whoever sends the job does not name it.
InRuntime = Annotated[Runtime, TaskiqDepends(_of_this_process)]

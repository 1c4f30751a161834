"""arq: a job leaves the queue when it ends; no results. It looks for jobs every half second unless told otherwise."""

from typing import Any, ClassVar

from arq import create_pool, func
from arq.connections import RedisSettings
from sending import URL, run, send_async

SETTINGS = RedisSettings.from_dsn(URL)


async def noop(context: dict[str, Any], n: int) -> None: ...


async def fail(context: dict[str, Any], n: int) -> None:
    raise ValueError("on purpose")


class WorkerSettings:
    redis_settings = SETTINGS
    functions: ClassVar[list[Any]] = [func(noop, keep_result=0), func(fail, keep_result=0)]
    poll_delay = 0.01


async def sending() -> None:
    redis = await create_pool(SETTINGS)
    await send_async(redis.enqueue_job)
    await redis.aclose()


if __name__ == "__main__":
    run(sending())

"""taskiq-redis as it is: RedisStreamBroker, which acknowledges after the job."""

from sending import URL, run, send_async
from taskiq_redis import RedisStreamBroker

broker = RedisStreamBroker(URL)


@broker.task(task_name="noop")
async def noop(n: int) -> None: ...


@broker.task(task_name="fail")
async def fail(n: int) -> None:
    raise ValueError("on purpose")


async def sending() -> None:
    await broker.startup()
    await send_async(lambda task, n: {"noop": noop, "fail": fail}[task].kiq(n))
    await broker.shutdown()


if __name__ == "__main__":
    run(sending())

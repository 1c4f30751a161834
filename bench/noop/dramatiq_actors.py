"""Dramatiq: acknowledges after the job, always."""

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from sending import URL, send

dramatiq.set_broker(RedisBroker(url=URL))


@dramatiq.actor
def noop(n: int) -> None: ...


# So that a failure is the end, as it is for the others here.
@dramatiq.actor(max_retries=0)
def fail(n: int) -> None:
    raise ValueError("on purpose")


if __name__ == "__main__":
    send(lambda task, n: {"noop": noop, "fail": fail}[task].send(n))

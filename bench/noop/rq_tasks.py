"""RQ: its default worker, which forks for each job."""

from redis import Redis
from rq import Queue
from sending import URL, send


def noop(n: int) -> None: ...


def fail(n: int) -> None:
    raise ValueError("on purpose")


if __name__ == "__main__":
    queue = Queue(connection=Redis.from_url(URL))
    send(lambda task, n: queue.enqueue(f"rq_tasks.{task}", n))

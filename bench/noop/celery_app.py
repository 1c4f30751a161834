"""Celery: late acknowledgement, and lost workers' jobs rejected back to the queue; no results."""

from celery import Celery
from sending import URL, send

app = Celery(
    broker=URL,
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_hijack_root_logger=0,
)


@app.task(name="noop")
def noop(n: int) -> None: ...


@app.task(name="fail")
def fail(n: int) -> None:
    raise ValueError("on purpose")


if __name__ == "__main__":
    send(lambda task, n: {"noop": noop, "fail": fail}[task].delay(n))

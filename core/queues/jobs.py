"""What a job is, and how it is written on the wire: taskiq's JSON message, without taskiq."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Job:
    """A call of `task` with `args` and `kwargs` (JSON values).

    While a job with the same `key` waits, runs or is delayed, another is not accepted. None: no such rule. `labels` are
    what the sender says beside that, such as a timeout.
    """

    task: str
    args: tuple[Any, ...]
    queue: str
    key: str | None = None
    kwargs: Mapping[str, Any] = field(default_factory=dict, hash=False)
    labels: Mapping[str, Any] = field(default_factory=dict, hash=False)


def crawl_feed(feed_id: uuid.UUID | str) -> Job:
    return _keyed("crawl_feed", str(feed_id), "crawl")


def generate_embeddings(article_id: uuid.UUID | str) -> Job:
    return _keyed("generate_embeddings", str(article_id), "embed")


def generate_summary(article_id: uuid.UUID | str) -> Job:
    return _keyed("generate_summary", str(article_id), "summarise")


def run_operation(operation_id: uuid.UUID | str) -> Job:
    return _keyed("run_operation", str(operation_id), "ops")


def measure_index() -> Job:
    return Job("measure_index", (), "ops", "measure_index")


def draw_map() -> Job:
    return Job("draw_map", (), "ops", "draw_map")


def run_failed_jobs_action(action_id: uuid.UUID | str) -> Job:
    return _keyed("run_failed_jobs_action", str(action_id), "ops")


def job_key(task: str, args: Sequence[Any]) -> str:
    """The key of a task that is idempotent by its arguments."""
    return f"{task}:{','.join(str(arg) for arg in args)}"


def new_task_id() -> str:
    return uuid.uuid4().hex


def encode(job: Job, task_id: str) -> bytes:
    """The message of `job`. Raises TypeError if an argument is no JSON value."""
    labels = {**job.labels, "queue_name": job.queue}
    if job.key is not None:
        labels["job_key"] = job.key
    message = {
        "task_id": task_id,
        "task_name": job.task,
        "labels": labels,
        "args": list(job.args),
        "kwargs": dict(job.kwargs),
    }
    return json.dumps(message, separators=(",", ":"), allow_nan=False).encode()


def _keyed(task: str, argument: str, queue: str) -> Job:
    return Job(task, (argument,), queue, job_key(task, [argument]))

"""From an entry of a stream to a message that can be run, or to the reason why it never can."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from taskiq.message import TaskiqMessage

from core.failed_jobs import Attempt
from core.nesting import DEEPEST, too_deep
from core.queues.delivery import DEATHS, Entry
from core.redaction import redact, redacted

ATTEMPTS = "attempts"
JOB_KEY = "job_key"
QUEUE = "queue_name"
# By this label the middleware finds the delivery of a message; it never leaves the process.
HANDLE = "_delivery"
_LONGEST_ARGS = 500
# Labels that are ours, not the sender's: no part of a failure's story.
OURS = frozenset({ATTEMPTS, QUEUE, HANDLE, "ack_type"})


@dataclass(frozen=True)
class Unfit:
    """Why a job cannot be run: `exception` and `message` as for a failed attempt, `reason` for the row."""

    exception: str
    message: str
    reason: str


def read(entry: Entry, labels_of: Mapping[str, Mapping[str, Any]]) -> tuple[TaskiqMessage, Unfit | None]:
    """The message of `entry` with the labels of its task filled in, and what keeps it from being run.

    `labels_of` has the labels of every task that this process knows, by name.
    """
    body = entry.fields.get(b"data")
    if body is None:
        fields = ", ".join(sorted(name.decode(errors="replace") for name in entry.fields)[:10])
        return _blank(entry, b""), _unreadable(f"the entry has no field data, only: {fields}")
    try:
        parsed = json.loads(body)
        if too_deep(parsed):
            return _blank(entry, body), _unreadable(f"its values are nested deeper than {DEEPEST} times")
        message = TaskiqMessage.model_validate(parsed)
        message.parse_labels()
        # What Redis is told of it: were that impossible, the leases of all other jobs here could not be renewed either.
        f"{message.task_id}{key_in(message)}".encode()
    except (ValueError, TypeError, RecursionError, AttributeError) as error:
        why = "not a taskiq message" if isinstance(error, ValidationError) else f"{type(error).__name__}: {error}"
        return _blank(entry, body), _unreadable(why)
    message.labels_types = None
    labels = labels_of.get(message.task_name)
    if labels is None:
        return message, Unfit("UnknownTask", f"no worker knows a task {message.task_name!r}", "unknown task")
    # What is acknowledged before it ran could be lost.
    message.labels = {**labels, **message.labels, "ack_type": "when_saved"}
    if entry.deaths >= DEATHS:
        died = f"{DEATHS} workers died while they had this job"
        return message, Unfit("WorkerDied", died, f"killed its worker {DEATHS} times")
    return message, None


def with_attempts(body: bytes, attempts: tuple[Attempt, ...]) -> bytes:
    """The message as it was sent, with the story so far."""
    fields = json.loads(body)
    fields["labels"][ATTEMPTS] = [attempt.as_json() for attempt in attempts]
    return json.dumps(fields, separators=(",", ":")).encode()


def attempts_in(message: TaskiqMessage) -> tuple[Attempt, ...]:
    """The attempts that were made before; what is no story of ours counts as none."""
    try:
        return tuple(Attempt.from_json(fields) for fields in message.labels.get(ATTEMPTS, ()))
    except (KeyError, TypeError, ValueError):
        return ()


def key_in(message: TaskiqMessage) -> str:
    """The key that the job holds, or ""."""
    key = message.labels.get(JOB_KEY)
    return key if isinstance(key, str) else ""


def _blank(entry: Entry, body: bytes) -> TaskiqMessage:
    text = redact(body[:10_000].decode(errors="backslashreplace"))
    return TaskiqMessage(task_id=entry.id, task_name="(unreadable)", labels={"body": text}, args=[], kwargs={})


def _unreadable(why: str) -> Unfit:
    return Unfit("Unreadable", redact(why)[:1_000], "unreadable")


def shown(message: TaskiqMessage) -> tuple[Any, ...]:
    """The arguments for a screen: without secrets, and short, that a list of jobs stays small."""
    args = redacted(message.args)
    if len(json.dumps(args, default=str)) <= _LONGEST_ARGS:
        return tuple(args)
    return tuple(f"{str(argument)[:100]}…" for argument in args[:3])

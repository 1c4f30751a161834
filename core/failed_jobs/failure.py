"""A job that gave up, with its whole story, on its way to Postgres."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.failed_jobs.attempt import Attempt


@dataclass(frozen=True)
class Failure:
    """`key` is the job's key, or its task id when it has none: the same job failing again adds to its open row.

    `attempts` are oldest first and may be empty, as for what could not be read at all.
    """

    task_id: str
    key: str
    task: str
    queue: str
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    labels: Mapping[str, Any]
    attempts: Sequence[Attempt]
    exception: str
    message: str
    fingerprint: str
    reason: str
    deliveries: int
    failed_at: dt.datetime
